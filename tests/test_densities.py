"""Densities, curves and areas: what is drawn is what was handed over, and a name has a place."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from scipy import stats

from course_lib.distributions import DiagonalGaussian
from course_lib.plots import COLOURS, area, curve, density, ink, new_figure, outline, panels

Z = torch.linspace(-3, 4, 71, dtype=torch.float64)


def panel() -> Axes:
    (ax,) = panels(new_figure(400, 300))
    ax.set(xlim=(-3, 4), ylim=(0, 2))
    return ax


@pytest.mark.parametrize("z", [Z, Z.unsqueeze(-1)], ids=["(N,)", "(N, 1)"])
def test_a_density_is_drawn_at_its_height(z: torch.Tensor) -> None:
    ax = panel()
    q = DiagonalGaussian.from_std(0.5, 0.7)
    line = density(ax, z, q.log_prob(Z.unsqueeze(-1)), "q", of="q", at=(1.0, 0.4), filled=True)
    np.testing.assert_array_equal(line.get_xdata(), Z)
    heights = stats.norm.pdf(Z.numpy(), 0.5, 0.7)
    np.testing.assert_allclose(np.asarray(line.get_ydata()), heights, rtol=1e-12)
    assert line.get_color() == COLOURS["q"]
    (shade,) = ax.collections
    box = shade.get_paths()[0].get_extents()
    assert (box.x0, box.x1, box.y0) == (-3, 4, 0)
    assert box.y1 == pytest.approx(heights.max(), rel=1e-12)
    assert shade.get_alpha() == 0.15
    (name,) = ax.texts
    assert (name.get_text(), name.get_position(), name.get_color()) == ("q", (1.0, 0.4), ink("q"))


def test_where_a_density_is_zero_its_line_lies_on_the_axis() -> None:
    ax = panel()
    line = density(ax, [0, 1, 2], [-math.inf, 0, -math.inf], of="prior")
    assert np.asarray(line.get_ydata()).tolist() == [0, 1, 0]
    assert not ax.texts
    assert not ax.collections


def test_a_curve_is_named_level_with_its_end() -> None:
    ax = panel()
    line = curve(ax, Z, 0.1 * Z**2, "a rise", of="gap", at=4.2, line="o--", width=1.6)
    np.testing.assert_array_equal(line.get_ydata(), 0.1 * Z**2)
    look = line.get_marker(), line.get_linestyle(), line.get_linewidth(), line.get_color()
    assert look == ("o", "--", 1.6, COLOURS["gap"])
    (name,) = ax.texts
    assert name.get_text() == "a rise"
    assert name.get_position() == pytest.approx((4.2, 1.6))
    curve(ax, Z, Z, of="kl")
    assert len(ax.texts) == 1


def test_an_area_lies_between_its_edges() -> None:
    drawn = area(panel(), Z.unsqueeze(-1), Z - 1, Z + 2, of="posterior", opacity=0.25)
    box = drawn.get_paths()[0].get_extents()
    assert (box.x0, box.x1, box.y0, box.y1) == (-3, 4, -4, 6)
    red_green_blue = np.asarray(drawn.get_facecolor())[0, :3]
    np.testing.assert_allclose(red_green_blue, to_rgb(COLOURS["posterior"]))
    assert drawn.get_alpha() == 0.25


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda ax: density(ax, [0, 1], [0, 1, 2], of="q"), r"log_density must have shape \(2,\)"),
        (lambda ax: density(ax, [[0, 1]], [0], of="q"), r"z must have shape \(N,\) or"),
        (lambda ax: density(ax, [], [], of="q"), r"got \(0,\)"),
        (lambda ax: density(ax, [0, 1], [0, 1], "q", of="q"), "at must say where the name 'q'"),
        (lambda ax: curve(ax, [0, 1], [0], of="q"), r"y must have shape \(2,\), got \(1,\)"),
        (lambda ax: curve(ax, [0, 1], [0, 1], "q", of="q"), "on the x axis the name 'q' begins"),
        (lambda ax: area(ax, [0, 1], 0, [1, 2, 3], of="q"), r"high must have shape \(2,\)"),
        (lambda ax: area(ax, [0, 1], 0, 1, of="sky"), "no colour for 'sky'"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        draw(panel())


@pytest.mark.parametrize("filled", [False, True])
def test_an_outline_is_one_standard_deviation_out(filled: bool) -> None:
    """Every point has the Mahalanobis distance 1, and they go once around."""
    root = np.array([[0.6, 0.0], [-0.3, 0.2]])
    drawn: Any = outline(panel(), root, of="posterior", filled=filled)
    points = np.asarray(drawn.get_xy() if filled else drawn.get_xydata())
    distance = np.einsum("ni,ij,nj->n", points, np.linalg.inv(root @ root.T), points)
    np.testing.assert_allclose(distance, 1.0, rtol=1e-9)
    assert np.ptp(points[:, 0]) == pytest.approx(1.2, abs=1e-3)
    colour = drawn.get_facecolor()[:3] if filled else to_rgb(drawn.get_color())
    assert tuple(colour) == pytest.approx(to_rgb(COLOURS["posterior"]))
    with pytest.raises(ValueError, match=r"must have shape \(2, 2\), got \(2,\)"):
        outline(panel(), [1.0, 2.0], of="posterior")
