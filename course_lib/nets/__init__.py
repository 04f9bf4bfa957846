"""Encoders and decoders: modules that take a batch and return a distribution.

A net with no hidden layers is affine, so its weights can be set by hand and it can be held against
the exact worlds. Hidden units are tanh; weights start Glorot-uniform, drawn from `generator`, and
biases at zero, as in Burda, Grosse & Salakhutdinov 2016. Weights are float32 on the CPU, whatever
torch's defaults are; net.double() makes them float64.

    >>> import torch
    >>> from course_lib.nets import GaussianNet
    >>> net = GaussianNet(2, (), 1, std=0.5, generator=torch.Generator().manual_seed(0))
    >>> net(torch.tensor([1.0, 2.0])).std.item()  # a distribution, not a point
    0.5
"""

from course_lib.nets.gaussian_net import GaussianNet
from course_lib.nets.layers import Net, Trunk, affine, blank_affine
from course_lib.nets.likelihoods import LIKELIHOODS, LogitNet, likelihood_net, set_output_mean

__all__ = [
    "LIKELIHOODS",
    "GaussianNet",
    "LogitNet",
    "Net",
    "Trunk",
    "affine",
    "blank_affine",
    "likelihood_net",
    "set_output_mean",
]
