"""Worlds whose evidence and posterior are known exactly: the oracles of the course."""

from course_lib.exact.affine_gaussian import AffineGaussian
from course_lib.exact.chain_terms import ChainTerms
from course_lib.exact.decoder_variance import best_decoder_variance, equivalent_beta
from course_lib.exact.discrete_chain import DiscreteChain
from course_lib.exact.discrete_latent import DiscreteLatent, two_state_world
from course_lib.exact.grid_posterior import GridPosterior
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.exact.linear_gaussian_chain import LinearGaussianChain
from course_lib.exact.scalar_bounds import best_gaussian, expected_importance_weighted_bound
from course_lib.exact.scalar_chain import ScalarChain
from course_lib.exact.scalar_latent import ScalarLatent, linear_world, square_world, tanh_world
from course_lib.exact.tanh_arrow import TanhArrow

__all__ = [
    "AffineGaussian",
    "ChainTerms",
    "DiscreteChain",
    "DiscreteLatent",
    "GridPosterior",
    "LinearGaussian",
    "LinearGaussianChain",
    "ScalarChain",
    "ScalarLatent",
    "TanhArrow",
    "best_decoder_variance",
    "best_gaussian",
    "equivalent_beta",
    "expected_importance_weighted_bound",
    "linear_world",
    "square_world",
    "tanh_world",
    "two_state_world",
]
