"""Probability distributions: log_prob, sample, entropy, expectations, and KL in closed form.

>>> from course_lib.distributions import DiagonalGaussian, kl_divergence
>>> q, prior = DiagonalGaussian.from_std(3.0, 1.0), DiagonalGaussian.standard(1)
>>> kl_divergence(q, prior).item()  # ½ μ², in nats
4.5
"""

from course_lib.distributions.base import Distribution
from course_lib.distributions.bernoulli import Bernoulli
from course_lib.distributions.binomial import Binomial
from course_lib.distributions.categorical import Categorical
from course_lib.distributions.continuous_bernoulli import ContinuousBernoulli
from course_lib.distributions.diagonal_gaussian import DiagonalGaussian
from course_lib.distributions.expectations import expectation, probability
from course_lib.distributions.full_gaussian import FullGaussian, Gaussian
from course_lib.distributions.gaussian_mixture import GaussianMixture
from course_lib.distributions.kl import (
    kl_bernoulli,
    kl_categorical,
    kl_diagonal,
    kl_divergence,
    kl_full,
)
from course_lib.distributions.laplace import Laplace

__all__ = [
    "Bernoulli",
    "Binomial",
    "Categorical",
    "ContinuousBernoulli",
    "DiagonalGaussian",
    "Distribution",
    "FullGaussian",
    "Gaussian",
    "GaussianMixture",
    "Laplace",
    "expectation",
    "kl_bernoulli",
    "kl_categorical",
    "kl_diagonal",
    "kl_divergence",
    "kl_full",
    "probability",
]
