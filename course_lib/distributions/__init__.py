"""Probability distributions: log_prob, sample, entropy, and the KL divergences in closed form."""

from course_lib.distributions.base import Distribution
from course_lib.distributions.categorical import Categorical
from course_lib.distributions.diagonal_gaussian import DiagonalGaussian
from course_lib.distributions.full_gaussian import FullGaussian

__all__ = ["Categorical", "DiagonalGaussian", "Distribution", "FullGaussian"]
