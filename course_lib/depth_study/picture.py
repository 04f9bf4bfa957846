"""The study as a picture: where all runs end, and which layers are in use, at both rates alike."""

from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from course_lib.depth_study.design import ARMS, DEPTHS, FAST, LATENTS, SLOW, Arm
from course_lib.depth_study.intervals import mean_interval
from course_lib.depth_study.report import FEWEST, FIGURES
from course_lib.depth_study.results import Study
from course_lib.plots import COLOURS, label, new_figure, number, panels, show, style
from course_lib.plots.figures import Picture

COLOUR = {
    "plain": "q",
    "KL warm-up": "posterior",
    "top-down": "kl",
    "both": "likelihood",
}  # of each training
NAMED = {"both": "top-down, warmed up"}  # what a training is called where its own word is too short
RATES = (SLOW, FAST)
STEP = 0.21  # between two trainings of one depth
SHARE = 0.8  # of a row's height, for eight active units


def picture(study: Study, figure: str = "log_p") -> Picture:
    """One column a rate. Above: that figure of every run that was not lost, with the mean of each
    group and its 95 % interval. Below: a box a layer, filled as far as its units are active.

    figure: train_elbo, elbo or log_p, of which each is in nats. Raises ValueError for another.
    """
    if figure not in FIGURES:
        raise ValueError(f"figure must be one of {', '.join(FIGURES)}, got {figure!r}")
    drawn = new_figure(800, 640)
    axes = panels(drawn, (1,) * len(RATES), (2, 1), left=62, down=70, across=72)
    uppers, lowers = axes[: len(RATES)], axes[len(RATES) :]
    for rate, upper, lower in zip(RATES, uppers, lowers, strict=True):
        name = FIGURES[figure]
        title = f"{name[0].upper()}{name[1:]}, rate {rate:g}"
        style(upper, title=title, x="layers, T", y="nats", keep="xy")
        style(lower, title="Active units; a full box is all eight", x="layers, T", keep="xy")
        for arm in _shown(rate):
            for depth in arm.chains:
                _runs(upper, _place(arm, depth), study.kept(figure, depth, arm.name), arm)
                _layers(lower, _place(arm, depth), study.kept("active", depth, arm.name), arm)
        _depths_and_layers(upper, lower)
    _one_scale(uppers)
    for rate, upper in zip(RATES, uppers, strict=True):
        _count_the_lost(upper, study, rate)
    _name_the_trainings(uppers[0])
    return show(drawn, _sentence(study, figure))


def _shown(rate: float) -> list[Arm]:
    """The arms of that rate, without the one of other widths."""
    return [arm for arm in ARMS.values() if arm.rate == rate and arm.training in COLOUR]


def _place(arm: Arm, depth: int) -> float:
    """Where its runs of that depth stand: the trainings side by side."""
    return DEPTHS.index(depth) + STEP * (list(COLOUR).index(arm.training) - 1.5)


def _runs(ax: Axes, place: float, values: Tensor, arm: Arm) -> None:
    """The runs of one group side by side; of five or more, mean and interval as a cross."""
    half = 0.35 * STEP
    spread = torch.linspace(-half, half, len(values), dtype=torch.float64, device="cpu")
    colour = COLOURS[COLOUR[arm.training]]
    ax.plot(place + spread, values, "o", color=colour, markersize=3, markeredgewidth=0)
    if len(values) < FEWEST:
        return
    ax.plot((place - half, place + half), (values.mean(),) * 2, color=COLOURS["evidence"], lw=1.5)
    ax.plot((place, place), mean_interval(values), color=COLOURS["evidence"], lw=1.5)


def _layers(ax: Axes, place: float, active: Tensor, arm: Arm) -> None:
    """A box a layer, z_1's at the foot, filled as far as its units are active."""
    if len(active) < FEWEST:
        return
    layers = active.shape[1]
    boxes: dict[str, Any] = {"x": [place] * layers, "bottom": range(layers), "width": 0.8 * STEP}
    colour = COLOURS[COLOUR[arm.training]]
    ax.bar(height=SHARE * active.mean(0) / LATENTS, color=colour, **boxes)
    ax.bar(height=SHARE, fill=False, edgecolor=COLOURS["axis"], linewidth=0.8, **boxes)


def _depths_and_layers(above: Axes, below: Axes) -> None:
    """Names the depths beneath both panels, and the layers beside the lower one."""
    for ax in (above, below):
        ax.set_xlim(-0.6, len(DEPTHS) - 0.4)
        ax.set_xticks(range(len(DEPTHS)), [str(depth) for depth in DEPTHS])
    rows = range(max(DEPTHS))
    below.set_yticks([0.5 * SHARE + t for t in rows], [f"$z_{t + 1}$" for t in rows])


def _one_scale(uppers: list[Axes]) -> None:
    """The same nats at both rates, with room at the foot."""
    low = min(ax.get_ylim()[0] for ax in uppers)
    high = max(ax.get_ylim()[1] for ax in uppers)
    for ax in uppers:
        ax.set_ylim(low - 0.1 * (high - low), high)
        ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))


def _count_the_lost(ax: Axes, study: Study, rate: float) -> None:
    """At the foot, below each group that lost runs, how many."""
    low, high = ax.get_ylim()
    y = low + 0.05 * (high - low)
    counts = [
        (_place(arm, depth), study.lost(depth, arm.name), COLOUR[arm.training])
        for arm in _shown(rate)
        for depth in arm.chains
    ]
    for place, lost, of in counts:
        if lost:
            label(ax, place, y, str(lost), of=of, ha="center")
    if any(lost for _, lost, _ in counts):
        label(ax, -0.5, y, "lost", of="axis")


def _name_the_trainings(ax: Axes) -> None:
    """In the colours of their dots, where one layer leaves room."""
    low, high = ax.get_ylim()
    for row, (training, of) in enumerate(COLOUR.items()):
        place = low + (0.34 - 0.08 * row) * (high - low)
        ax.plot(-0.48, place, "s", color=COLOURS[of], markersize=5, markeredgewidth=0)
        label(ax, -0.4, place, NAMED.get(training, training), of=of)


def _sentence(study: Study, figure: str) -> str:
    """What the picture shows, with its numbers."""
    parts = []
    for arm in (arm for rate in RATES for arm in _shown(rate)):
        kept = [study.kept(figure, T, arm.name) for T in arm.chains]
        means = (number(v.mean().item(), 1) if len(v) >= FEWEST else "none" for v in kept)
        lost = sum(study.lost(T, arm.name) for T in arm.chains)
        without = f" ({lost} lost)" if lost else ""
        name = NAMED.get(arm.training, arm.training)
        parts.append(f"{name} at {arm.rate:g} {', '.join(means)}{without}")
    return (
        f"Mean {FIGURES[figure]} for 1, 2, 3 and 5 layers, top-down for 2, 3 and 5, in nats: "
        f"{'; '.join(parts)}."
    )
