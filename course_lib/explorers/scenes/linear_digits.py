"""The digits in the best linear world, coded with any weight β: every number in closed form."""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.data import load_digits
from course_lib.exact import best_squared_loadings, fit_ppca

COUNT = 16  # a pixel of the digits is a count 0..16
LATENT = 20
# Of each digit one, by its place among them: plain to read, and their codes lie apart in the first
# two latents.
WHICH = (10,) * 9 + (23,)


@dataclass(frozen=True)
class Coded:
    """What one weight makes of ten images, one of each digit, and of the data set.

    mean: (10, d) and std: (d,), the codes q(z|x) = N(mean, std²) along the data's eigenvectors.
    loadings: (d,), how far the decoder moves the picture for one unit of each latent; 0 is dead.
    rates: (10,) nats, KL(q ‖ prior) of each image. rate: its mean over the data.
    """

    mean: Tensor
    std: Tensor
    loadings: Tensor
    rates: Tensor
    rate: float

    @property
    def alive(self) -> int:
        """How many latents the decoder still listens to."""
        return int((self.loadings > 0).sum())


class LinearDigits:
    """x = b + Σ_i w_i u_i z_i + noise of fixed variance s², the w_i and q the best for a weight β.

    u_i: eigenvectors of the data's covariance, the d = 20 with the largest eigenvalues λ_i; s² is
    that of pPCA. By (5.7) w_i² = λ_i − βs² as long as that is positive. The best q is the posterior
    of the world with noise βs² (5.6): it has variance βs²/λ_i and mean w_i u_iᵀ(x − b)/λ_i, and is
    the prior where w_i = 0. Averaged over the data its KL is Σ_i ½ log(λ_i/βs²) over what lives.
    x: (10, 64), one image of each digit, ink in [0, 1].
    """

    def __init__(self) -> None:
        digits = load_digits()
        ink = digits.images.flatten(1).double() / COUNT
        world = fit_ppca(ink, LATENT)
        squared = world.loadings.square().sum(0)  # (d,), λ − s²
        self.noise_variance = world.noise_std[0].item() ** 2
        self.eigenvalues = squared + self.noise_variance
        self.directions = world.loadings / squared.sqrt()  # (D, d), orthonormal
        self.offset = world.offset
        self.x = torch.stack([ink[digits.labels == digit][WHICH[digit]] for digit in range(10)])
        self.coordinates = (self.x - self.offset) @ self.directions  # (10, d)

    def coded(self, beta: float) -> Coded:
        """The decoder's loadings and the codes that are best for the weight β > 0."""
        squared = best_squared_loadings(self.eigenvalues, self.noise_variance, beta)
        loadings, alive = squared.sqrt(), squared > 0
        variance = torch.where(alive, beta * self.noise_variance / self.eigenvalues, 1.0)
        mean = self.coordinates * loadings / self.eigenvalues
        each = 0.5 * (mean.square() + variance - 1 - variance.log())  # (10, d)
        return Coded(
            mean, variance.sqrt(), loadings, each.sum(1), -0.5 * variance.log().sum().item()
        )

    def decoded(self, coded: Coded, z: Tensor) -> Tensor:
        """The mean of p(x|z) at latents z (*S, d): ink, (*S, D), here and there outside [0, 1]."""
        return self.offset + (z * coded.loadings) @ self.directions.mT

    def error(self, coded: Coded, digit: int) -> float:
        """E_q |x − x̂(z)|² of one image: what is wrong with what comes back, in squared ink."""
        missed = self.x[digit] - self.decoded(coded, coded.mean[digit])
        spread = coded.loadings.square() * coded.std.square()
        return (missed.square().sum() + spread.sum()).item()
