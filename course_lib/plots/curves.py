"""Layers falling asleep and waking: what each costs by epoch, and how many units are in use."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from course_lib.numerals import number
from course_lib.plots.drawing import DRAWING
from course_lib.plots.figures import PIXEL_RATIO, rise
from course_lib.plots.ledger import spread
from course_lib.plots.vocabulary import COLOURS, TEXT_PX, label, style

# Of z_1, z_2, …: hues that stay apart, of things that are never drawn beside a layer's cost.
LAYERS = ("posterior", "kl", "likelihood", "gap", "prior")
_ROW_PX = 1.3 * TEXT_PX  # of a row of numbers
_COLUMN_PX = 30  # the least between two columns of them
_LABEL_PX = 10  # between the end of a line and its label

Numbers = NDArray[np.float64]


@DRAWING
def layer_curves(
    ax: Axes,
    epochs: ArrayLike,
    costs: ArrayLike,
    *,
    active: tuple[ArrayLike, ArrayLike] | None = None,
) -> Axes:
    """One line a layer, in nats over the logarithm of the epoch, named at its end; returns `ax`.

    epochs: (E,), increasing from 1 or more, E ≥ 2; costs: (T, E), z_1's first, T ≤ 5. active: the
    epochs (K,) at which units were counted and their numbers (T, K), written in rows above the
    lines, z_T's on top; a layer that ends without any is called asleep. A curve of `shipped` has
    them: `layer_curves(ax, curve.epochs, curve.costs, active=(curve.counted, curve.active))`.
    Leave 140 shown pixels to the right of the panel, `panels(figure, right=140)`.
    Raises ValueError if shapes disagree, a number is not finite, or the panel is too low.
    """
    x, y = _checked(epochs, costs)
    columns, units = _counts(active, x, len(y))
    room = _ROW_PX * (len(y) + 2) if active is not None else 0.0
    height = ax.bbox.height / PIXEL_RATIO
    if height < 2 * room:
        raise ValueError(f"the panel must be {2 * room:.0f} px high at least, got {height:.0f} px")
    style(ax, x="epoch (log scale)", y="nats that each layer costs", keep="xy")
    _scale(ax, x, y, share=1 - room / height)
    for row, of in zip(y, LAYERS, strict=False):
        ax.plot(x, row, color=COLOURS[of], linewidth=1.8, solid_capstyle="butt")
    shown = _apart(ax, columns if active is not None else _round_numbers(x))
    ax.xaxis.set_major_locator(FixedLocator(shown.tolist()))
    ax.xaxis.set_major_formatter(FixedFormatter([f"{epoch:g}" for epoch in shown]))
    ax.xaxis.set_minor_locator(NullLocator())
    _write_ends(ax, x, y, units)
    if active is not None:
        _write_units(ax, shown, units[:, np.isin(columns, shown)])
    return ax


def _checked(epochs: ArrayLike, costs: ArrayLike) -> tuple[Numbers, Numbers]:
    """(E,) and (T, E) as floats. Raises ValueError as `layer_curves` says."""
    x, y = np.asarray(epochs, dtype=float), np.asarray(costs, dtype=float)
    if x.ndim != 1 or len(x) < 2 or not (x[0] >= 1 and np.all(np.diff(x) > 0)):
        raise ValueError(f"epochs must be (E,), E ≥ 2, and increase from 1 or more, got {x}")
    if y.ndim != 2 or not 1 <= len(y) <= len(LAYERS) or y.shape[1] != len(x):
        raise ValueError(
            f"costs must be (T, {len(x)}) with T from 1 to {len(LAYERS)}, got shape {y.shape}"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("epochs and costs must be finite")
    return x, y


def _counts(
    active: tuple[ArrayLike, ArrayLike] | None, epochs: Numbers, layers: int
) -> tuple[Numbers, Numbers]:
    """The epochs (K,) of the counts, and the counts (T, K); K = 0 without any."""
    if active is None:
        return np.zeros(0), np.zeros((layers, 0))
    columns, units = (np.asarray(part, dtype=float) for part in active)
    if columns.ndim != 1 or len(columns) == 0 or units.shape != (layers, len(columns)):
        raise ValueError(
            f"active must be epochs (K,), K ≥ 1, and numbers ({layers}, K), got shapes "
            f"{columns.shape} and {units.shape}"
        )
    strange = columns[~np.isin(columns, epochs)]
    if len(strange):
        raise ValueError(f"active has counts of epoch {strange[0]:g}, which is none of the epochs")
    return columns, units


def _scale(ax: Axes, x: Numbers, y: Numbers, *, share: float) -> None:
    """Limits that leave the lines the lower `share` of the panel, and the axis of nats no more."""
    low, high = min(0.0, y.min()), max(y.max(), y.min() + 1e-9, 1e-9)
    nats = high - low
    ax.set_xscale("log")
    ax.set_xlim(x[0], x[-1])
    steps = MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low, high)
    ax.set_yticks([tick for tick in steps if low <= tick <= high])
    ax.set_ylim(low - 0.03 * nats, low + 1.03 * nats / share)  # a layer asleep is above the axis
    ax.spines["left"].set_bounds(low, high)
    ax.yaxis.set_label_coords(0.0, share + 0.02)


def _px(ax: Axes, x: float) -> float:
    """Where epoch x stands, in shown pixels from the panel's left edge."""
    low, high = ax.get_xlim()
    width = float(ax.bbox.width) / PIXEL_RATIO
    return width * math.log(x / low) / math.log(high / low)


def _epoch_at(ax: Axes, px: float) -> float:
    """The epoch that stands so many shown pixels from the panel's left edge."""
    low, high = ax.get_xlim()
    return float(low * (high / low) ** (px * PIXEL_RATIO / ax.bbox.width))


def _apart(ax: Axes, epochs: Numbers) -> Numbers:
    """Those that have room beside each other, the last one among them."""
    kept: list[float] = []
    for epoch in epochs[::-1].tolist():
        if not kept or _px(ax, kept[-1]) - _px(ax, epoch) >= _COLUMN_PX:
            kept.append(epoch)
    return np.array(kept[::-1])


def _round_numbers(x: Numbers) -> Numbers:
    """1, 2, 5, 10, 20, … within the epochs, and the last epoch."""
    decades = range(math.floor(math.log10(x[-1])) + 1)
    found = {float(digit * 10**decade) for decade in decades for digit in (1, 2, 5)}
    return np.array(sorted({e for e in found if x[0] <= e <= x[-1]} | {float(x[-1])}))


def _write_ends(ax: Axes, x: Numbers, y: Numbers, units: Numbers) -> None:
    """What each layer costs at the end, beside the end of its line, none over another."""
    low, high = ax.get_ylim()
    unit = rise(ax, 1)  # nats a shown pixel
    order = np.argsort(-y[:, -1], kind="stable")
    wanted = ((y[order, -1] - low) / unit + _ROW_PX / 2).tolist()
    room = (high - low) / unit + _ROW_PX
    centres = spread(wanted, [_ROW_PX] * len(order), room)
    for level, centre in zip(order, centres, strict=True):
        text = f"$z_{level + 1}$  {number(y[level, -1], 1)} nats"
        if units.size and units[level, -1] == 0:
            text += ", asleep"
        place = (_epoch_at(ax, _px(ax, x[-1]) + _LABEL_PX), low + (centre - _ROW_PX / 2) * unit)
        label(ax, *place, text, of=LAYERS[level])


def _write_units(ax: Axes, epochs: Numbers, units: Numbers) -> None:
    """A row of numbers for each layer above the lines, z_T's on top, named at its end."""
    high, row = ax.get_ylim()[1], rise(ax, _ROW_PX)
    for place, level in enumerate(reversed(range(len(units)))):
        y, of = high - (place + 0.5) * row, LAYERS[level]
        for epoch, count in zip(epochs, units[level], strict=True):
            label(ax, epoch, y, f"{count:g}", of=of, ha="center")
        end = _epoch_at(ax, _px(ax, epochs[-1]) + 2 * _LABEL_PX)
        label(ax, end, y, f"active units of $z_{level + 1}$", of=of)
