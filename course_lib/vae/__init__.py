"""VAE and MarkovHVAE of any depth: the VAE is the chain of one layer, one code path.

Beside them a chain's flat twin, one layer whose latent is all of its noise, and many small models
stacked into one.
"""

from course_lib.vae.architecture import Architecture
from course_lib.vae.chain import VAE, ChainTerms, MarkovHVAE
from course_lib.vae.flat_twin import FlatTwin
from course_lib.vae.stacked import StackedLinear, stack, unstack

__all__ = [
    "VAE",
    "Architecture",
    "ChainTerms",
    "FlatTwin",
    "MarkovHVAE",
    "StackedLinear",
    "stack",
    "unstack",
]
