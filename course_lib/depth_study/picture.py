"""The study as a picture: where every run ends, and which layers are in use."""

from typing import Any

import torch
from matplotlib.axes import Axes

from course_lib.depth_study.design import DEPTHS, LATENTS
from course_lib.depth_study.results import Study
from course_lib.plots import COLOURS, label, new_figure, number, panels, show, style
from course_lib.plots.figures import Picture

SHARE = 0.8  # of a row's height, for eight active units


def picture(study: Study) -> Picture:
    """Left: the training ELBO of every run, at the slow rate filled, at the fast one hollow, with
    the mean of each group. Right: the mean number of active units of each layer, slow rate.
    """
    figure = new_figure(800, 350)
    left, right = panels(figure, widths=(3, 2), left=60)
    style(left, title="ELBO at the end of each run", x="layers, T", y="nats", keep="xy")
    style(right, title="Active units, of eight, at rate 0.01", x="layers, T", keep="xy")
    for place, depth in enumerate(DEPTHS):
        _runs(left, place - 0.2, study.of("train_elbo", depth), filled=True)
        _runs(left, place + 0.25, study.of("train_elbo", depth, "fast"), filled=False)
        active = study.of("active", depth).mean(0)
        boxes: dict[str, Any] = {"x": [place] * depth, "bottom": range(depth), "width": 0.6}
        right.bar(height=SHARE * active / LATENTS, color=COLOURS["q"], **boxes)
        right.bar(height=SHARE, fill=False, edgecolor=COLOURS["axis"], **boxes)
    for ax in (left, right):
        ax.set_xticks(range(len(DEPTHS)), [str(depth) for depth in DEPTHS])
    rows = range(max(DEPTHS))
    right.set_yticks([0.5 * SHARE + t for t in rows], [f"$z_{t + 1}$" for t in rows])
    low, high = left.get_ylim()
    label(left, -0.35, low + 0.16 * (high - low), "●  peak rate 0.01", of="elbo")
    label(left, -0.35, low + 0.08 * (high - low), "○  peak rate 0.05", of="elbo")
    return show(figure, _sentence(study))


def _runs(ax: Axes, place: float, values: torch.Tensor, *, filled: bool) -> None:
    """The runs of one group side by side, and their mean as a line."""
    half = 0.16 if filled else 0.08
    spread = torch.linspace(-half, half, len(values), dtype=torch.float64, device="cpu")
    face = COLOURS["elbo"] if filled else "white"
    ax.plot(place + spread, values, "o", color=COLOURS["elbo"], markerfacecolor=face, markersize=4)
    ax.plot((place - 0.2, place + 0.2), (values.mean(),) * 2, color=COLOURS["evidence"])


def _sentence(study: Study) -> str:
    """What the picture shows, with its numbers."""
    means = {
        arm: ", ".join(
            number(study.of("train_elbo", depth, arm).mean().item(), 1) for depth in DEPTHS
        )
        for arm in ("slow", "fast")
    }
    top = number(study.of("active", max(DEPTHS)).mean(0)[-1].item(), 1)
    return (
        f"Mean ELBO at the end for 1, 2, 3 and 5 layers: {means['slow']} nats at the peak rate "
        f"0.01, {means['fast']} at 0.05. At 0.01 the top layer of the chain of five has {top} "
        "active units."
    )
