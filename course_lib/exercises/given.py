"""What several subjects share: a world, and the families of q that are measured."""

from typing import Any

from course_lib.checks.answers import Refused, described
from course_lib.distributions import DiagonalGaussian, FullGaussian, GaussianMixture, Laplace
from course_lib.exact import LinearGaussian

UNIT = LinearGaussian([[1.0]], 0.0, 1.0)  # z ~ N(0, 1), x|z ~ N(z, 1)
FAMILIES = (DiagonalGaussian, FullGaussian, GaussianMixture, Laplace)


def require_one_q(q: Any) -> None:
    """Raises Refused, with what was found, unless q is one distribution of one number, of batch ()
    and event (1,), of a family that can be had without the posterior.
    """
    ours = isinstance(q, FAMILIES)
    if ours and (q.batch_shape, q.event_shape) == ((), (1,)):
        return
    found = f" of event {tuple(q.event_shape)} and batch {tuple(q.batch_shape)}" if ours else ""
    *first, last = (kind.__name__ for kind in FAMILIES)
    raise Refused(
        f"q must be one distribution of one number, event (1,) and batch (): a {', '.join(first)} "
        f"or {last}, such as DiagonalGaussian.from_std(0.0, 1.0); got {described(q)}{found}"
    )
