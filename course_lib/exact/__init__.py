"""Worlds whose evidence and posterior are known exactly: the oracles of the course.

>>> import torch
>>> from course_lib.exact import LinearGaussian
>>> world = LinearGaussian([[1.0]], 0.0, 1.0)  # z ~ N(0, 1) and x|z ~ N(z, 1): x ~ N(0, 2)
>>> round(world.log_evidence(torch.zeros(1).double()).item(), 4)  # −½ log 4π
-1.2655
>>> round(world.posterior(torch.ones(1).double()).mean.item(), 4)  # from 0 halfway to x
0.5
"""

from course_lib.exact.affine_gaussian import AffineGaussian
from course_lib.exact.chain_expectations import ChainExpectations
from course_lib.exact.discrete_chain import DiscreteChain
from course_lib.exact.discrete_latent import DiscreteLatent, two_state_world
from course_lib.exact.grid_posterior import GridPosterior
from course_lib.exact.importance_weighted_bound import expected_importance_weighted_bound
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.exact.linear_gaussian_chain import LinearGaussianChain
from course_lib.exact.numerics.log_mean import expected_log_mean
from course_lib.exact.numerics.naive_expectation import expected_naive_log
from course_lib.exact.optima.best_gaussian import best_gaussian
from course_lib.exact.optima.chain_encoders import bottom_up_losses, top_down_losses
from course_lib.exact.optima.decoder_variance import best_decoder_variance, equivalent_beta
from course_lib.exact.optima.fitted_encoder import fit_encoder
from course_lib.exact.optima.gaussian_fits import best_diagonal, best_isotropic, fit_gaussian
from course_lib.exact.optima.kl_weight import (
    best_squared_loadings,
    mutual_information,
    tempered,
    tempered_constant,
    weighted_bound,
    weighted_gap,
)
from course_lib.exact.optima.loading_slopes import elbo_slope, evidence_slope
from course_lib.exact.optima.one_layer_fit import (
    best_gaussian_kl,
    best_one_layer,
    one_layer_log_density,
)
from course_lib.exact.optima.ppca import fit_ppca
from course_lib.exact.scalar_chain import ScalarChain
from course_lib.exact.scalar_latent import ScalarLatent, linear_world, square_world, tanh_world
from course_lib.exact.tanh_arrow import TanhArrow

__all__ = [
    "AffineGaussian",
    "ChainExpectations",
    "DiscreteChain",
    "DiscreteLatent",
    "GridPosterior",
    "LinearGaussian",
    "LinearGaussianChain",
    "ScalarChain",
    "ScalarLatent",
    "TanhArrow",
    "best_decoder_variance",
    "best_diagonal",
    "best_gaussian",
    "best_gaussian_kl",
    "best_isotropic",
    "best_one_layer",
    "best_squared_loadings",
    "bottom_up_losses",
    "elbo_slope",
    "equivalent_beta",
    "evidence_slope",
    "expected_importance_weighted_bound",
    "expected_log_mean",
    "expected_naive_log",
    "fit_encoder",
    "fit_gaussian",
    "fit_ppca",
    "linear_world",
    "mutual_information",
    "one_layer_log_density",
    "square_world",
    "tanh_world",
    "tempered",
    "tempered_constant",
    "top_down_losses",
    "two_state_world",
    "weighted_bound",
    "weighted_gap",
]
