"""At which positions of its controls an explorer is recorded.

A control with listed values is recorded at each of them. A slider is recorded at its start and its
ends, at every value that a notebook opens it at or that the text names, and at round values:
multiples of a spacing of 1, 2, 2.5 or 5 of some power of ten. The spacings keep a recording within
MOST positions, and the slider with the fewest stops has as many as can be.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

from course_lib.edition.recording import RecordedControl
from course_lib.edition.stored import stored_cells
from course_lib.explorers.stage.controls import Choice, Control, Slider, Steps, Toggle
from course_lib.index import notebook_paths
from course_lib.numerals import minus

MOST = 6_000  # positions of a recording
MOST_OF = {
    "ChainOfLatents": 140,  # each with 48 pictures of digits
    "DepthAgainstOneLayer": 2_600,  # each a fit of 20 milliseconds, and curves of many vertices
}
# What a text sends a reader to without giving it to a symbol: the least gap, the other mode, and
# the z at which each of ten digits is most likely.
SOUGHT: dict[str, dict[str, set[float]]] = {
    "LatentWalk": {
        "z_1": {-1.8, 2.12, 0.14, -0.46, -0.86, 0.58, -1.68, 1.4, 0.68, -0.6},
        "z_2": {-0.58, -2.24, -0.22, 1.06, 0.46, 0.76, 2.16, -1.16, 1.56},
    },
    "LogWeights": {"mean": {1.35}, "std": {0.46}},
    "PosteriorExplorer": {"mean": {-1.15}},
    "PosteriorGap": {"mean": {-1.35}},
}
_KINDS = {Slider: "slider", Steps: "steps", Choice: "choice", Toggle: "toggle"}
# Marks of type that may stand about a symbol or within it.
_PLAIN = str.maketrans(
    {**dict.fromkeys("*$_{}"), **dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))}
)

Named = Mapping[str, set[Any]]


@dataclass(frozen=True)
class Grid:
    """The positions of a slider: low, low + step, …, as exact fractions."""

    slider: Slider
    low: Fraction = field(init=False)
    step: Fraction = field(init=False)
    count: int = field(init=False)

    def __post_init__(self) -> None:
        if self.slider.log:
            raise ValueError(f"{self.slider.name}: a slider in powers of ten is not recorded")
        low, high, step = (Fraction(str(v)) for v in (*self._ends, self.slider.step))
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "count", math.floor((high - low) / step) + 1)

    @property
    def _ends(self) -> tuple[float, float]:
        return self.slider.low, self.slider.high

    def place(self, value: Any) -> int | None:
        """Which position has this value; None if none has."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        place = (Fraction(str(value)) - self.low) / self.step
        inside = place.denominator == 1 and 0 <= place < self.count
        return int(place) if inside else None

    def value(self, place: int) -> Any:
        """The value at a position, as the explorer's update gets it."""
        exact = self.low + place * self.step
        return int(exact) if self.slider.whole else float(round(float(exact), 12))

    def spacings(self) -> list[Fraction]:
        """From one position to the next, then wider ones: 1, 2, 2.5 or 5 times a power of ten."""
        wider = [
            Fraction(digit) * Fraction(10) ** power
            for power in range(-6, 7)
            for digit in (1, 2, 2.5, 5)
        ]
        width = (self.count - 1) * self.step
        return [self.step, *(s for s in wider if self.step < s <= width and s % self.step == 0)]

    def stops(self, spacing: Fraction, also: Iterable[Any]) -> list[int]:
        """Positions at the multiples of a spacing, at the ends, and at the values in `also`."""
        found = {0, self.count - 1}
        if spacing == self.step:
            found |= set(range(self.count))
        else:
            first = math.ceil(self.low / spacing)
            last = math.floor((self.low + (self.count - 1) * self.step) / spacing)
            rounds = ((m * spacing - self.low) / self.step for m in range(first, last + 1))
            found |= {int(place) for place in rounds if place.denominator == 1}
        found |= {place for value in also if (place := self.place(value)) is not None}
        return sorted(found)


def recorded_controls(
    name: str, controls: Sequence[Control], named: Named
) -> tuple[RecordedControl, ...]:
    """The controls of the explorer `name` at their stops, with the values in `named` among them.

    Raises ValueError if even the widest spacings have too many positions.
    """
    grids = {c.name: Grid(c) for c in controls if isinstance(c, Slider)}
    places = {
        c.name: _spaced(grids[c.name], named.get(c.name, set()) | {c.start})
        for c in controls
        if isinstance(c, Slider)
    }
    listed = math.prod(len(_values(c)) for c in controls if not isinstance(c, Slider))
    chosen = _evenly(places, MOST_OF.get(name, MOST) // listed)
    return tuple(
        _recorded(c, [grids[c.name].value(i) for i in chosen[c.name]])
        if isinstance(c, Slider)
        else _recorded(c, _values(c))
        for c in controls
    )


def _evenly(places: Mapping[str, list[list[int]]], most: int) -> dict[str, list[int]]:
    """One spacing of each slider, within `most` positions: the coarsest as fine as can be.

    Among those that are equal in this, the one with the most positions.
    """
    best: tuple[list[int], ...] | None = None
    for stops in product(*places.values()):
        counts = [len(one) for one in stops]
        if math.prod(counts) <= most and (best is None or _rank(counts) > _rank(map(len, best))):
            best = stops
    if best is None:
        raise ValueError(f"no spacing keeps {', '.join(places)} within {most:,} positions")
    return dict(zip(places, best, strict=True))


def _rank(counts: Iterable[int]) -> tuple[int, int]:
    each = list(counts)
    return min(each, default=1), math.prod(each)


def _spaced(grid: Grid, also: Iterable[Any]) -> list[list[int]]:
    """Stops at each spacing, from all to few; only those that have fewer than the one before."""
    found: list[list[int]] = []
    for spacing in grid.spacings():
        stops = grid.stops(spacing, also)
        if not found or len(stops) < len(found[-1]):
            found.append(stops)
    return found


def _values(control: Control) -> list[Any]:
    if isinstance(control, Toggle):
        return [False, True]
    return [] if isinstance(control, Slider) else list(control.values)


def _recorded(control: Control, values: list[Any]) -> RecordedControl:
    start = control.settled(control.start)
    of = Grid(control).count if isinstance(control, Slider) else len(values)
    return RecordedControl(
        control.name,
        control.label,
        _KINDS[type(control)],
        tuple(values),
        tuple(_shown(control, value) for value in values),
        values.index(start),
        of,
    )


def _shown(control: Control, value: Any) -> str:
    """A value as the control's widget writes it."""
    if isinstance(control, Slider) and not control.whole:
        return minus(f"{value:.{control.decimals}f}")
    return f"{value:g}" if isinstance(value, float) else str(value)


def named_values(name: str, controls: Sequence[Control], notebooks: Path) -> dict[str, set[Any]]:
    """By control, the values at which notebooks open the explorer `name` or that their text names,
    or sends a reader to.

    A text names a value where it writes a control's symbol, which ends its label after a comma,
    then "=", "to", "at" or "from", and a number: "μ = 0.8", "**σ** to 0.6", "$b_2=4$".

    Raises ValueError, naming the file, if one is no notebook or a picture lacks a control's value.
    """
    found: dict[str, set[Any]] = {control.name: set() for control in controls}
    for path in notebook_paths(notebooks):
        cells = stored_cells(path)
        opened = [values for explorer, values in _opened(cells) if explorer == name]
        for values in opened:
            for control in controls:
                if control.name not in values:
                    raise ValueError(
                        f"{path.name}: the stored picture of {name} does not say the value of "
                        f"{control.name}; python3 start.py refresh makes it again"
                    )
                found[control.name].add(values[control.name])
        if opened:
            text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
            for control in controls:
                found[control.name] |= _named(control, text.translate(_PLAIN))
                found[control.name] |= SOUGHT.get(name, {}).get(control.name, set())
    return found


def _opened(cells: Iterable[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The explorers whose pictures are stored in a notebook, and where their controls stand."""
    for cell in cells:
        for output in cell.get("outputs", ()):
            about = output.get("metadata", {}).get("image/png", {})
            if "explorer" in about:
                yield about["explorer"], about.get("values", {})


def _named(control: Control, text: str) -> set[Any]:
    """The values that a text without marks of type gives to the control's symbol."""
    symbol = control.label.rpartition(", ")[2].partition(" (")[0].translate(_PLAIN)
    if not isinstance(control, Slider) or symbol == control.label:
        return set()
    number = r"([−-]?\d+(?:\.\d+)?)"
    wanted = rf"(?<!\w){re.escape(symbol)}\s*(?:=|to|at|from)\s*{number}"
    written = (found.replace("−", "-") for found in re.findall(wanted, text))
    return {int(v) if control.whole and v.isdecimal() else float(v) for v in written}
