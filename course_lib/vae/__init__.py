"""VAE and MarkovHVAE of any depth: the VAE is the chain of one layer, one code path."""

from course_lib.vae.architecture import Architecture
from course_lib.vae.chain import VAE, ChainTerms, MarkovHVAE

__all__ = ["VAE", "Architecture", "ChainTerms", "MarkovHVAE"]
