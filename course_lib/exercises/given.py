"""What several subjects share: a world."""

from course_lib.exact import LinearGaussian

UNIT = LinearGaussian([[1.0]], 0.0, 1.0)  # z ~ N(0, 1), x|z ~ N(z, 1)
