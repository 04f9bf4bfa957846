"""What an explorer can be moved by: sliders, listed values, choices and switches."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import ipywidgets as widgets
import numpy as np

_LABEL = {"description_width": "200px"}
_WIDE = {"width": "620px", "max_width": "100%"}


@dataclass(frozen=True)
class Slider:
    """A number from `low` to `high` in steps of `step`; whole numbers if all four are int.

    name: the argument of update. label: what it is, its symbol and unit, "mean of q, μ".
    log: the slider moves in powers of ten; `step` is then in decades, `start` is still the value.
    """

    name: str
    label: str
    low: float
    high: float
    step: float
    start: float
    log: bool = False

    def __post_init__(self) -> None:
        finite = all(math.isfinite(v) for v in (self.low, self.high, self.step))
        if not finite or self.low >= self.high or self.step <= 0 or (self.log and self.low <= 0):
            raise ValueError(
                f"{self.name}: low {self.low}, high {self.high}, step {self.step} make no slider"
            )
        self.check(self.start)

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers."""
        return not self.log and all(
            isinstance(v, int) for v in (self.low, self.high, self.step, self.start)
        )

    def check(self, value: Any) -> Any:
        """A good value, NumPy's as Python's own. Raises ValueError for one out of range."""
        kind = Integral if self.whole else Real
        if isinstance(value, bool) or not isinstance(value, kind):
            expected = "a whole number" if self.whole else "a number"
            raise ValueError(f"{self.name} must be {expected}, got {value!r}")
        plain = int(value) if isinstance(value, Integral) else self._plain(value)
        if not self.low <= plain <= self.high:  # NaN fails here too
            raise ValueError(f"{self.name} must lie in [{self.low}, {self.high}], got {value}")
        return plain

    def _plain(self, value: Any) -> float:
        """A float; NumPy's short ones, 0.30000001 for 0.3, as the step that they are meant for."""
        number = float(value)
        if not isinstance(value, np.floating) or not math.isfinite(number):
            return number
        meant = (self.low, self.high) if self.log else (self._on_a_step(number),)
        return next((near for near in meant if value == type(value)(near)), number)

    def settled(self, value: Any) -> Any:
        """A slider's value without the rounding of its steps: 1.45, not 1.4500000000000002.

        Every other value passes unchanged.
        """
        if self.whole or self.log:
            return value
        near = self._on_a_step(value)
        return near if abs(value - near) < 1e-9 * self.step else value

    def _on_a_step(self, value: float) -> float:
        """The nearest of the slider's steps, without their rounding."""
        steps = round((value - self.low) / self.step)
        return float(round(self.low + steps * self.step, 12))

    @property
    def decimals(self) -> int:
        """As many as every value on the way has: 2 for steps of 0.25 from 0."""
        parts = [Decimal(str(v)).normalize().as_tuple().exponent for v in (self.step, self.low)]
        return max(0, *(-part for part in parts if isinstance(part, int)))

    def widget(self) -> Any:
        """The ipywidgets slider, which also moves by arrow keys, Page Up and Down, Home and End."""
        common = {"description": self.label, "style": _LABEL, "layout": _WIDE, "value": self.start}
        if self.log:
            ends = {"min": math.log10(self.low), "max": math.log10(self.high)}
            return widgets.FloatLogSlider(**common, **ends, step=self.step, readout_format=".3g")
        kind = widgets.IntSlider if self.whole else widgets.FloatSlider
        ends = {"min": self.low, "max": self.high, "step": self.step}
        readout = "d" if self.whole else f".{self.decimals}f"
        return kind(**common, **ends, readout_format=readout)

    def sweep(self, count: int) -> list[Any]:
        """`count` values from low to high, for tests and timing."""
        shares = [i / max(count - 1, 1) for i in range(count)]
        if self.log:
            values = [self.low * (self.high / self.low) ** share for share in shares]
        else:
            values = [self.low + (self.high - self.low) * share for share in shares]
        return [round(v) if self.whole else min(max(v, self.low), self.high) for v in values]


@dataclass(frozen=True)
class _Listed:
    name: str
    label: str
    values: Sequence[Any]
    start: Any

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"{self.name} needs at least one value")
        self.check(self.start)

    def check(self, value: Any) -> Any:
        """The listed value that equals this one: 1.0 for 1. Raises ValueError if there is none."""
        for listed in self.values:
            kinds = isinstance(value, bool) == isinstance(listed, bool)
            if kinds and isinstance(value, (str, Real)) and value == listed:
                return listed
        every = ", ".join(repr(v) for v in self.values)
        raise ValueError(f"{self.name} must be one of {every}, got {value!r}")

    def settled(self, value: Any) -> Any:
        """The value: it is in the list, digit by digit."""
        return value

    def sweep(self, count: int) -> list[Any]:
        """`count` values, the listed ones in order again and again."""
        return [self.values[i * len(self.values) // count] for i in range(count)]


@dataclass(frozen=True)
class Steps(_Listed):
    """A slider over listed values, such as 1, 2, 5, 10; `values` in order, `start` one of them."""

    def widget(self) -> Any:
        """The ipywidgets slider over the list."""
        options = [(f"{v:g}" if isinstance(v, float) else str(v), v) for v in self.values]
        return widgets.SelectionSlider(
            options=options, value=self.start, description=self.label, style=_LABEL, layout=_WIDE
        )


@dataclass(frozen=True)
class Choice(_Listed):
    """One of a few named values as buttons in a row, or as a list that drops down if over five."""

    def widget(self) -> Any:
        """The ipywidgets buttons or list."""
        kind = widgets.ToggleButtons if len(self.values) <= 5 else widgets.Dropdown
        style = dict(_LABEL)
        if kind is widgets.ToggleButtons:
            style["button_width"] = "auto"
        options = [(str(v), v) for v in self.values]
        widget = kind(
            options=options, value=self.start, description=self.label, style=style, layout=_WIDE
        )
        return widget.add_class("widget-inline-hbox")  # the label beside the buttons, not above


@dataclass(frozen=True)
class Toggle:
    """On or off."""

    name: str
    label: str
    start: bool

    def __post_init__(self) -> None:
        self.check(self.start)

    def check(self, value: Any) -> bool:
        """A bool, NumPy's as Python's own. Raises ValueError for anything else."""
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{self.name} must be True or False, got {value!r}")
        return bool(value)

    def widget(self) -> Any:
        """The ipywidgets check box."""
        return widgets.Checkbox(value=self.start, description=self.label, style=_LABEL)

    def settled(self, value: Any) -> Any:
        """The value."""
        return value

    def sweep(self, count: int) -> list[bool]:
        """`count` values, off then on."""
        return [2 * i >= count for i in range(count)]


Control = Slider | Steps | Choice | Toggle
