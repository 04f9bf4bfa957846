"""What lies beyond the ends of a grid: refused where it would count."""

from torch import Tensor

TAIL = 1e-8  # of E|f|: what one more step beyond an end may add


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
