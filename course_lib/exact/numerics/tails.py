"""What lies beyond the ends of a grid: refused where it would count."""

from torch import Tensor

TAIL = 1e-8  # of E|f|: what one more step beyond an end may add
EDGE = 23.0  # nats: less of a fall than exp(−23) = 1e-10 at the end of the grid cuts mass off


def require_fallen(beyond: Tensor, size: Tensor, what: str, whole: str) -> None:
    """Raises ValueError if f times the density has not fallen off at the ends of its grid.

    E f is then carried by what lies beyond, or infinite. beyond: |f| times the density at an end,
    times a step outwards; size: E|f|; any shapes that broadcast. `what` names the one and `whole`
    the other: "… is still 0.2 of …".
    """
    beyond, size = beyond.detach(), size.detach()
    counts = beyond > TAIL * size
    if bool(counts.any()):
        share = (beyond / size)[counts].max().item()
        raise ValueError(f"{what} is still {share:.2g} of {whole}")


def require_whole(ends: Tensor, peak: Tensor, half_width: float) -> None:
    """Raises ValueError if a density over |z| ≤ half_width has not fallen by EDGE nats at its ends.

    ends: the log densities there, (count, 2); peak: the largest ones, (count,).
    """
    excess = (ends.detach().amax(-1) - peak).max().item()
    if excess > -EDGE:
        raise ValueError(
            f"half_width = {half_width:g} cuts off part of p(x, z): at the end it is only "
            f"{-excess:.3g} nats below its peak; raise half_width"
        )
