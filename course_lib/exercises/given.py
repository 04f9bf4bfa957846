"""What several subjects share: two worlds."""

from course_lib.exact import LinearGaussian, LinearGaussianChain

UNIT = LinearGaussian([[1.0]], 0.0, 1.0)  # z ~ N(0, 1), x|z ~ N(z, 1)
UNIT_CHAIN = LinearGaussianChain.unit(2)  # z_2 → z_1 → x, each arrow adds N(0, 1)
