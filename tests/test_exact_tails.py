"""Where what lies beyond a grid's end counts: refused with its share, else let pass."""

import math

import pytest
import torch
from torch import Tensor

from course_lib.exact.numerics.tails import require_fallen, require_whole


def doubles(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("power", [0, 2, 8])
def test_a_function_that_the_normal_outweighs_is_let_pass(power: int) -> None:
    """|z|^n at ten standard deviations, beside E|z|^n = (n − 1)!! for even n."""
    beyond = 10.0**power * math.exp(-50) / math.sqrt(2 * math.pi)
    require_fallen(doubles(beyond), doubles(math.prod(range(1, power, 2))), "f", "E|f|")


@pytest.mark.parametrize(
    ("beyond", "size", "share"),
    [
        (doubles(1.1e-8), doubles(1.0), "1.1e-08"),
        (doubles(0.0, 0.3, 1.0), doubles(1.0, 2.0, 8.0), "0.15"),  # the largest of all
        (doubles(1e-3, 1.0, 0.25), doubles(1.0), "1"),  # one size for all
        (doubles(1e-300), doubles(0.0), "inf"),  # all of it is at the end
        (doubles(math.nan, 0.25), doubles(0.0, 1.0), "0.25"),
    ],
)
def test_what_has_not_fallen_is_said_with_its_share(
    beyond: Tensor, size: Tensor, share: str
) -> None:
    with pytest.raises(ValueError, match=f"^f at the end is still {share} of E.f.$"):
        require_fallen(beyond, size, "f at the end", "E|f|")


@pytest.mark.parametrize(
    ("beyond", "size"), [(0.0, 0.0), (0.9e-8, 1.0), (1.0, math.inf), (math.nan, 1.0)]
)
def test_nothing_of_nothing_is_let_pass(beyond: float, size: float) -> None:
    require_fallen(doubles(beyond), doubles(size), "f", "E|f|")


def test_a_density_must_fall_by_a_factor_of_ten_billion() -> None:
    """exp(−23) = 1e-10, at the higher one of the two ends."""
    require_whole(doubles(-20.5, -30.0).unsqueeze(0), doubles(3.0), 4.0)
    with pytest.raises(ValueError, match=r"half_width = 4 cuts off .* only 22.5 nats below"):
        require_whole(doubles(-19.5, -30.0).unsqueeze(0), doubles(3.0), 4.0)
