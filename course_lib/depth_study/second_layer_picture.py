"""The small runs as a picture: a row a model, a dot a seed, plainly trained and warmed up."""

from matplotlib.axes import Axes
from torch import Tensor

from course_lib.depth_study.second_layer import SMALL_WORLDS, SmallRuns
from course_lib.plots import COLOURS, label, new_figure, number, panels, show, style
from course_lib.plots.figures import Picture

COLOUR = {False: "q", True: "kl"}  # as in the study's own picture
APART = 0.32  # of a row: between its two lines of dots


def second_layer_picture(runs: SmallRuns, world: str) -> Picture:
    """Held-out log p of every run in that world, its mean as a stroke, and what z_2 costs.

    Raises ValueError if there is no such world, or a run is missing.
    """
    if world not in SMALL_WORLDS:
        raise ValueError(f"world must be one of {', '.join(SMALL_WORLDS)}, got {world!r}")
    names = _names(world)
    (ax,) = panels(new_figure(800, 74 + 52 * len(names)), left=156, right=204, top=34, bottom=40)
    style(ax, x="held-out log p(x), nats an image", keep="x")
    ax.set_ylim(len(names) - 0.45, -0.55)
    for row, model in enumerate(names):
        for warm in (False, True):
            values = runs.of("log_p", world, model, warm=warm)
            _dots(ax, row + APART * (warm - 0.5), values, COLOUR[warm])
    low, high = ax.get_xlim()
    for row, (model, name) in enumerate(names.items()):
        label(ax, low - 0.02 * (high - low), row, name, of="text", ha="right")
        for warm in (False, True):
            costs = runs.of("costs", world, model, warm=warm).mean(0)
            words = "" if len(costs) < 2 else f", $z_2$ costs {number(costs[1].item(), 1)}"
            words = f"$z_1$ costs {number(costs[0].item(), 1)}{words}"
            place = high + 0.02 * (high - low), row + APART * (warm - 0.5)
            label(ax, *place, words, of=COLOUR[warm])
    label(ax, low, -0.75, "plain", of=COLOUR[False])
    label(ax, low + 0.12 * (high - low), -0.75, "KL warm-up", of=COLOUR[True])
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
    """A dot a run, and their mean as an upright stroke."""
    ax.plot(values, [height] * len(values), "o", color=COLOURS[of], markersize=4.5, alpha=0.8)
    half = 0.14
    ax.plot((values.mean(),) * 2, (height - half, height + half), color=COLOURS["evidence"], lw=2)


def _sentence(runs: SmallRuns, world: str) -> str:
    """The means, in words."""
    parts = []
    for model, name in _names(world).items():
        plain, warm = (runs.of("log_p", world, model, warm=w).mean().item() for w in (False, True))
        parts.append(f"{name} {number(plain, 2)} and {number(warm, 2)}")
    return f"Mean held-out log p in nats, plain and with KL warm-up: {'; '.join(parts)}."
