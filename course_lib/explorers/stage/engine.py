'''Runs an explorer: a picture drawn once, moved by sliders, with a sentence that says it in words.

How to write one:

    class GaussianGap(Explorer):
        """q against the exact posterior N(0.3, 0.25²), with the ledger beside it."""

        title = "q against the exact posterior"
        controls = (
            Slider("mean", "mean of q, μ", -2.0, 2.0, 0.05, start=0.9),
            Slider("std", "standard deviation of q, σ", 0.1, 2.0, 0.05, start=0.5),
        )

        def build(self, figure: Figure) -> None:  # once: everything, then name what moves
            left, right = panels(figure, widths=(2, 1))
            style(left, x="latent $z$").set(xlim=(-3, 3), ylim=(0, 2))
            self.z = np.linspace(-3, 3, 400)
            (self.line,) = left.plot(self.z, 0 * self.z, color=COLOURS["q"], linewidth=2.2)
            self.ledger = Ledger(right, limits=(-4.0, -1.5))
            self.moving(self.line, *self.ledger.artists)

        def update(self, mean: float, std: float) -> Reading:  # every frame: move, then read
            self.line.set_ydata(normal(self.z, mean, std))
            gap = kl(mean, std)
            self.ledger.set(LOG_EVIDENCE, LOG_EVIDENCE - gap)
            return Reading({"gap": gap}, f"q misses the exact posterior by {number(gap)} nats.")

update never makes artists, it moves them: line.set_data, band.set_data(z, low, high) for
fill_between, bar.set_height, text.set_text (plain text: a changing formula is parsed anew each
frame), image.set_data. An axis whose limits must follow a value moves too, for some 5 ms:
self.moving(ax.yaxis). For a rare change of the rest, such as a choice of world, call self.redraw().
What no value changes (fitted models, grids) goes into prepare(self), which runs once before build.
A control that does nothing at the present values: name it in Reading(…, idle=("omega",)).
A value that cannot be drawn: raise ValueError; its message is shown and the next value recovers.
'''

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any, ClassVar, Self, TypeVar

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from course_lib.explorers.stage import lifetime
from course_lib.explorers.stage.canvas import Stage
from course_lib.explorers.stage.controls import Control
from course_lib.explorers.stage.page import ASLEEP, Page
from course_lib.explorers.stage.reading import Reading, not_drawn
from course_lib.explorers.stage.work import at_work
from course_lib.plots import new_figure
from course_lib.plots.figures import shown_size

_Drawn = TypeVar("_Drawn", bound=Artist)
_QUIET = 0.004  # seconds without an event before a draw: values already queued arrive first
_LATEST = 0.020  # seconds after which a draw comes even if events keep coming


class Explorer(Page):
    """Sliders over a picture over a sentence. See the top of this module for how to write one.

    title: its name. controls: what moves it. width_px, height_px: the shown size of the picture.
    numbers, sentence: what is drawn now; empty numbers if the present value cannot be drawn.
    """

    controls: Sequence[Control] = ()
    height_px: ClassVar[int] = 350
    _handle: asyncio.TimerHandle | None = None

    def prepare(self) -> None:
        """Computes, once before build, what no value changes: grids, fitted models."""

    def build(self, figure: Figure) -> None:
        """Draws everything once on `figure` and registers what moves with self.moving(…)."""
        raise NotImplementedError

    def update(self, *args: Any, **values: Any) -> Reading:
        """Moves the artists to `values`, one a control by name, and reads the picture."""
        raise NotImplementedError

    @classmethod
    def example(cls) -> "Explorer":
        """One to test and to time; override it if the class cannot be made without arguments."""
        return cls()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """What a subclass of its own accord computes when it is made, it computes at work."""
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = at_work()(cls.__init__)  # type: ignore[method-assign]

    def __init__(self) -> None:
        super().__init__()
        self.numbers: dict[str, float] = {}
        self.sentence = ""
        self._deadline = self._frame_seconds = 0.0
        self._failed = False
        self._setting: int | None = None  # the thread in which `at` is setting values
        self._start = {control.name: control.start for control in self.controls}
        try:
            with at_work():
                self._stage = Stage(new_figure(self.width_px, self.height_px))
                self.prepare()
                self.build(self._stage.figure)
            self._compose({control.name: control.widget() for control in self.controls}, self.reset)
            for widget in self._widgets.values():
                widget.observe(self._moved, names="value")
            self._draw(raising=True)
        except BaseException:
            self.close()
            raise
        lifetime.hold(self)

    def close(self) -> None:
        """Takes it off the page and frees what it held: figure, canvas, widgets, arrays."""
        if not self._closed:
            self._closed = True
            with at_work():
                self._forget_waiting()
                self._let_go()
        super().close()

    def moving(self, artist: _Drawn, *others: Artist) -> _Drawn:
        """Registers artists that update moves; returns the first."""
        self._require_open()
        self._stage.add((artist, *others))
        return artist

    @property
    def stage(self) -> Stage:
        """What it is drawn on."""
        return self._stage

    def redraw(self) -> None:
        """Call in update when something that was not registered as moving has changed: slow."""
        self._require_open()
        self._stage.forget()

    def at(self, **values: Any) -> dict[str, float]:
        """Sets `values`, leaves the other controls, draws at once and returns the drawn numbers.

        Raises ValueError for an unknown name or a value out of range, RuntimeError if it is closed,
        and what update raises.
        """
        known = {control.name: control for control in self.controls}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"no control {name!r}; there is {', '.join(known) or 'none'}")
            values[name] = known[name].check(value)
        with at_work():
            self._require_open()  # here: another thread may have closed it just before
            self._setting = threading.get_ident()
            try:
                for name, value in values.items():
                    self._widgets[name].value = value
            finally:
                self._setting = None
            self._draw(raising=True)
            return dict(self.numbers)

    def reset(self) -> dict[str, float]:
        """Back to the values at the start; returns the drawn numbers."""
        self._require_open()
        return self.at(**self._start)

    def opened(self, **values: Any) -> Self:
        """This explorer, drawn at `values`, to which reset now goes back. Raises as `at` does."""
        self.at(**values)
        self._start |= values
        return self

    def png(self) -> bytes:
        """The picture at twice its shown size, packed small for keeping. Raises if it is closed."""
        with at_work():
            self._require_open()
            return self._stage.empty(small=True) if self._failed else self._stage.frame(small=True)

    def _moved(self, _change: Any) -> None:
        """A control has moved: one draw once the events pause, whatever their number."""
        if self._setting == threading.get_ident():
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._draw()
            return
        with at_work():
            now = time.perf_counter()
            if self._handle is None:
                self._deadline = now + max(_LATEST, self._frame_seconds)
            # Drawing takes half the time at most: the queue empties faster than it fills.
            wait = min(max(_QUIET, self._frame_seconds / 2), self._deadline - now)
            self._forget_waiting()
            self._handle = loop.call_later(wait, self._draw)

    def _draw(self, raising: bool = False) -> None:
        """Draws the controls' present values and says what the picture shows; nothing if closed."""
        with at_work():
            self._forget_waiting()
            if self._closed:
                return
            start = time.perf_counter()
            problem: Exception | None = None
            try:
                reading = self.update(**self._values())
                png = self._stage.frame()
            except Exception as error:
                problem, png = error, self._stage.empty()
                reading = not_drawn(error)
            self._failed = problem is not None
            self.numbers, self.sentence = dict(reading.numbers), reading.sentence
            self._display(png, self.sentence, self._failed)
            for name, widget in self._widgets.items():
                widget.disabled = name in reading.idle
            self._frame_seconds = time.perf_counter() - start
        if problem is not None and raising:
            raise problem

    def _forget_waiting(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = None

    def _values(self) -> dict[str, Any]:
        """What each control stands at."""
        return {c.name: c.settled(self._widgets[c.name].value) for c in self.controls}

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The live widget, and for a page without a kernel the picture and the sentence."""
        lifetime.hold(self)
        width, height = shown_size(self._stage.figure)
        data = {
            **super()._repr_mimebundle_(**kwargs),
            "text/plain": repr(self),
            "image/png": self.png(),
        }
        about = {"width": width, "height": height, "alt": self.sentence, "note": ASLEEP}
        # Where a page made from the notebook finds which explorer this is, and how it stands.
        about |= {"explorer": type(self).__name__, "values": self._values()}
        return data, {"image/png": about}
