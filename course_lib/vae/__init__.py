"""VAE and MarkovHVAE of any depth: the VAE is the chain of one layer, one code path.

Beside them a chain's flat twin, one layer whose latent is all of its noise; many small models
stacked into one; and which units of a layer are in use.

    >>> import torch
    >>> from course_lib.vae import Architecture
    >>> chain = Architecture(data=3, latents=(2, 1), hidden=((8,), (8,))).build(seed=0)
    >>> z_1, z_2 = chain.sample_latents(5, generator=torch.Generator().manual_seed(0))
    >>> z_1.shape, z_2.shape, chain.generate(1, z_1)
    (torch.Size([5, 2]), torch.Size([5, 1]), Bernoulli(batch (5,), D = 3))
"""

from course_lib.vae.architecture import Architecture
from course_lib.vae.chain import VAE, MarkovHVAE
from course_lib.vae.flat_twin import FlatTwin
from course_lib.vae.generative import GenerativeChain
from course_lib.vae.hvae import HVAE, ChainTerms
from course_lib.vae.stacked import StackedLinear, stack, unstack
from course_lib.vae.top_down import TopDownHVAE
from course_lib.vae.units import active_units, posterior_mean_variances

__all__ = [
    "HVAE",
    "VAE",
    "Architecture",
    "ChainTerms",
    "FlatTwin",
    "GenerativeChain",
    "MarkovHVAE",
    "StackedLinear",
    "TopDownHVAE",
    "active_units",
    "posterior_mean_variances",
    "stack",
    "unstack",
]
