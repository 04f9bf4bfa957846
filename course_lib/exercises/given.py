"""What several subjects share: a world, and the families of q that are measured."""

from course_lib.distributions import DiagonalGaussian, FullGaussian, GaussianMixture, Laplace
from course_lib.exact import LinearGaussian

UNIT = LinearGaussian([[1.0]], 0.0, 1.0)  # z ~ N(0, 1), x|z ~ N(z, 1)
FAMILIES = (DiagonalGaussian, FullGaussian, GaussianMixture, Laplace)
