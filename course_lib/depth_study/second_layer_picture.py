"""The small runs as a picture: a row a model, a dot a seed, plainly trained and warmed up."""

from matplotlib.axes import Axes
from torch import Tensor

from course_lib.depth_study.second_layer import SMALL_WORLDS, SmallRuns
from course_lib.plots import COLOURS, label, new_figure, number, panels, show, style
from course_lib.plots.figures import Picture

COLOUR = {False: "q", True: "posterior"}  # plain, warmed up: as in the study's own picture
NAMED, LINES = -0.42, {False: -0.12, True: 0.16}  # of a row: where its name and its two lines stand


def second_layer_picture(runs: SmallRuns, world: str) -> Picture:
    """Held-out log p of every run in that world, its mean as a stroke, and what each layer costs.

    Narrow enough to be read on a telephone: each model's name stands above its dots.

    Raises ValueError if there is no such world, or a run is missing.
    """
    if world not in SMALL_WORLDS:
        raise ValueError(f"world must be one of {', '.join(SMALL_WORLDS)}, got {world!r}")
    names = _names(world)
    (ax,) = panels(new_figure(520, 74 + 66 * len(names)), left=14, right=150, top=34, bottom=40)
    style(ax, x="held-out log p(x), nats per image", keep="x")
    ax.set_ylim(len(names) - 0.5, -0.6)
    for row, model in enumerate(names):
        for warm, line in LINES.items():
            values = runs.of("log_p", world, model, warm=warm)
            _dots(ax, row + line, values, COLOUR[warm])
    low, high = ax.get_xlim()
    for row, (model, name) in enumerate(names.items()):
        label(ax, low, row + NAMED, name, of="text")
        for warm, line in LINES.items():
            costs = runs.of("costs", world, model, warm=warm).mean(0).tolist()
            words = ", ".join(f"$z_{t}$: {number(cost, 1)}" for t, cost in enumerate(costs, 1))
            label(ax, high + 0.04 * (high - low), row + line, words, of=COLOUR[warm])
    label(ax, low, -0.8, "plain", of=COLOUR[False])
    label(ax, low + 0.16 * (high - low), -0.8, "KL warm-up", of=COLOUR[True])
    label(ax, high + 0.04 * (high - low), -0.8, "a layer costs, nats", of="axis")
    return show(ax.figure, _sentence(runs, world))  # type: ignore[arg-type]


def _names(world: str) -> dict[str, str]:
    """What each model is called beside its row."""
    first, second = SMALL_WORLDS[world].latents
    return {
        "one layer": f"one layer of {first}",
        "one wide layer": f"one layer of {first + second}",
        "bottom-up": f"{first} and {second}, bottom-up",
        "top-down": f"{first} and {second}, top-down",
    }


def _dots(ax: Axes, height: float, values: Tensor, of: str) -> None:
    """A dot a run, and behind them their mean as an upright stroke."""
    half = 0.15
    ax.plot((values.mean(),) * 2, (height - half, height + half), color=COLOURS["evidence"], lw=1.5)
    ax.plot(values, [height] * len(values), "o", color=COLOURS[of], ms=4.5, mec="white", mew=0.5)


def _sentence(runs: SmallRuns, world: str) -> str:
    """The means, in words."""
    parts = []
    for model, name in _names(world).items():
        plain, warm = (runs.of("log_p", world, model, warm=w).mean().item() for w in (False, True))
        parts.append(f"{name} {number(plain, 2)} and {number(warm, 2)}")
    return f"Mean held-out log p in nats, plain and with KL warm-up: {'; '.join(parts)}."
