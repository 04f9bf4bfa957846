"""The grid under the scalar chains: its panels are as wide as is said, and fine enough."""

import math
from fractions import Fraction

import pytest
import torch
from scipy import integrate, stats

from course_lib.exact import ScalarChain, TanhArrow, tanh_arrow
from course_lib.exact.tanh_arrow import Marginal, fold, grid


@pytest.mark.parametrize("scale", [1.0, 0.3, 0.05])
def test_panels_are_two_scales_wide_and_fill_the_range(scale: float) -> None:
    nodes, widths = grid(-10.0, 10.0, scale)
    assert len(widths) == math.ceil(20 / (2 * scale))
    assert widths.sum().item() == pytest.approx(20.0, rel=1e-14)
    assert (nodes[0].item(), nodes[-1].item()) == pytest.approx((-10.0, 10.0))


def test_the_noise_that_is_left_out_is_as_little_as_is_said() -> None:
    assert math.exp(-0.5 * tanh_arrow.REACH**2) <= math.exp(-50)


@pytest.mark.parametrize("arrow", [(3.0, 0.5, 0.0, 0.4), (1.0, 4.0, 0.3, 0.1), (2.0, 1.0, -1.0, 1)])
def test_on_such_panels_a_fold_is_right_to_twelve_digits(
    arrow: tuple[float, float, float, float],
) -> None:
    """∫ N(v; a tanh(bz) + c, s²) N(z; 0, 1) dz, with SciPy, where its mass is."""
    a, b, c, s = arrow
    given = TanhArrow(*arrow)
    nodes, widths = grid(-10.0, 10.0, given.scale)
    log_prior = -0.5 * nodes.square() - 0.5 * math.log(2 * math.pi)
    values = torch.tensor([c, c + 0.5 * a, c + a + s], dtype=torch.float64)
    found, _ = fold(given, Marginal(nodes, log_prior, widths), values)
    for value, ours in zip(values.tolist(), found.exp().tolist(), strict=True):

        def joint(z: float, v: float = value) -> float:
            return stats.norm.pdf(v, a * math.tanh(b * z) + c, s) * stats.norm.pdf(z)

        exact, _ = integrate.quad(joint, -10, 10, epsabs=0, epsrel=1e-13, limit=500, points=[0.0])
        assert ours == pytest.approx(exact, rel=1e-12)


def test_an_arrow_of_fractions_is_that_of_their_floats() -> None:
    lower = TanhArrow(3.0, 0.5, 0.0, 0.4)
    half, noise = Fraction(1, 2), Fraction(3, 10)
    given = TanhArrow(4, half, 3, noise)  # type: ignore[arg-type]
    found = ScalarChain([lower, given]).evidence.skew
    assert found == ScalarChain([lower, TanhArrow(4.0, 0.5, 3.0, 0.3)]).evidence.skew


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_jump_in_something_tiny_is_no_rounding(sign: float) -> None:
    """The tolerance is of E|f|, not of one, where f has one sign, though it is 0 elsewhere."""
    law = ScalarChain([(1.0, 1.0, 0.0, 0.5)]).marginal(1)
    f = sign * 1e-20 * (law.nodes > 0.1).double()
    with pytest.raises(ValueError, match="or jumps: halving it moves E f by"):
        law.expectation(f)
    smooth = sign * 1e-20 * law.nodes.square()  # 0 at a node too, and E z² = 1
    assert law.expectation(smooth).item() == pytest.approx(sign * 1e-20, rel=1e-10)
