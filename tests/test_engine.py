"""The explorer engine, on a demonstration explorer whose numbers are known in closed form."""

import ast
import asyncio
import html
import math
import threading
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import start_new_async_kernel
from matplotlib.figure import Figure
from pictures import decoded, shown

from course_lib.explorers.stage import Choice, Explorer, Reading, Slider, Steps, Toggle
from course_lib.explorers.stage.page import ASLEEP
from course_lib.plots import COLOURS, Ledger, label, latent_ticks, number, panels, show, style

LOG_EVIDENCE = -1.752
POSTERIOR = (0.3, 0.25)  # mean, standard deviation


def density(z: Any, mean: float, std: float) -> Any:
    return np.exp(-0.5 * ((z - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi))


def gaussian_kl(mean: float, std: float) -> float:
    centre, width = POSTERIOR
    return math.log(width / std) + (std**2 + (mean - centre) ** 2) / (2 * width**2) - 0.5


class GaussianGap(Explorer):
    """q against the exact posterior N(0.3, 0.25²), with the ledger beside it."""

    title = "q against the exact posterior"
    controls = (
        Slider("mean", "mean of q, μ", -2.0, 2.0, 0.05, start=0.9),
        Slider("std", "standard deviation of q, σ", 0.1, 2.0, 0.05, start=0.5),
        Toggle("filled", "fill q", start=False),
    )

    def build(self, figure: Figure) -> None:
        left, right = panels(figure, widths=(2, 1))
        style(left, title=self.title, x="latent $z$").set(xlim=(-3, 3), ylim=(0, 1.8))
        self.z = np.linspace(-3, 3, 400)
        left.plot(self.z, density(self.z, 0, 1), "--", color=COLOURS["prior"])
        label(left, -1.3, 0.25, "prior $p(z)$", of="prior", ha="right")
        exact = density(self.z, *POSTERIOR)
        left.fill_between(self.z, 0, exact, color=COLOURS["posterior"], alpha=0.15, linewidth=0)
        left.plot(self.z, exact, color=COLOURS["posterior"], linewidth=2.2)
        label(
            left,
            -0.7,
            1.55,
            "exact posterior $p(z|x)$",
            of="posterior",
            point=(0.28, 1.59),
            ha="right",
        )
        (self.line,) = left.plot(self.z, 0 * self.z, color=COLOURS["q"], linewidth=2.2)
        self.band = left.fill_between(
            self.z, 0, 0 * self.z, color=COLOURS["q"], alpha=0.3, linewidth=0
        )
        self.name = label(left, 0, 0, "$q(z|x)$", of="q")
        self.ticks = latent_ticks(left, np.zeros(9), of="q")
        self.ledger = Ledger(right, limits=(-6.0, -1.25))
        self.moving(self.line, self.band, self.name, self.ticks, *self.ledger.artists)

    def update(self, mean: float, std: float, filled: bool) -> Reading:
        q = density(self.z, mean, std)
        self.line.set_ydata(q)
        self.band.set_visible(filled)
        self.band.set_data(self.z, 0, q)
        self.name.set_position((mean + std, density(mean + std, mean, std) + 0.05))
        self.ticks.set_xdata(mean + std * np.linspace(-2, 2, 9))
        gap = gaussian_kl(mean, std)
        elbo = LOG_EVIDENCE - gap
        self.ledger.set(LOG_EVIDENCE, elbo)
        return Reading(
            {"elbo": elbo, "gap": gap}, f"The ELBO lies {number(gap)} nats under log p(x)."
        )


@pytest.fixture(scope="module")
def shared() -> GaussianGap:
    return GaussianGap()


@pytest.fixture
def explorer(shared: GaussianGap) -> GaussianGap:
    """Making one costs a full draw, so the tests share one and start it anew."""
    shared.reset()
    return shared


def slider(explorer: Explorer, name: str) -> Any:
    return explorer._widgets[name]


@pytest.mark.parametrize(("mean", "std"), [(0.9, 0.5), (0.3, 0.25), (-2.0, 2.0)])
def test_at_draws_the_values_and_returns_the_numbers(
    explorer: GaussianGap, mean: float, std: float
) -> None:
    drawn = explorer.at(mean=mean, std=std)
    oracle = torch.distributions.kl_divergence(
        torch.distributions.Normal(torch.tensor(mean, dtype=torch.float64), std),
        torch.distributions.Normal(torch.tensor(0.3, dtype=torch.float64), 0.25),
    ).item()
    assert drawn["gap"] == pytest.approx(oracle, abs=1e-12)
    assert drawn == explorer.numbers
    # KL from the curve as drawn: on 400 points it is the integral but for the tails beyond ±3.
    q, z = explorer.line.get_ydata(), explorer.line.get_xdata()
    assert np.array_equal(q, density(z, mean, std))
    assert number(drawn["gap"]) in explorer.sentence
    assert number(drawn["elbo"]) in explorer.ledger._texts["elbo"].get_text()


def test_at_leaves_the_other_controls(explorer: GaussianGap) -> None:
    explorer.at(std=1.0)
    assert (slider(explorer, "mean").value, slider(explorer, "std").value) == (0.9, 1.0)
    explorer.at(mean=0.0)
    assert (slider(explorer, "mean").value, slider(explorer, "std").value) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"centre": 1.0}, "no control 'centre'; there is mean, std, filled"),
        ({"mean": 2.5}, r"mean must lie in \[-2.0, 2.0\], got 2.5"),
        ({"mean": math.nan}, r"mean must lie in \[-2.0, 2.0\], got nan"),
        ({"mean": True}, "mean must be a number, got True"),
        ({"std": "wide"}, "std must be a number, got 'wide'"),
        ({"filled": 1}, "filled must be True or False, got 1"),
        ({"std": 0.2, "mean": 9}, r"mean must lie in"),
    ],
)
def test_at_refuses_what_no_slider_could_give(
    explorer: GaussianGap, values: dict[str, Any], says: str
) -> None:
    before = dict(explorer.numbers)
    with pytest.raises(ValueError, match=says):
        explorer.at(**values)
    assert explorer.numbers == before
    assert slider(explorer, "std").value == 0.5  # nothing is set when one of them is wrong


def test_reset_goes_back_by_code_and_by_button(explorer: GaussianGap) -> None:
    start = explorer.numbers
    explorer.at(mean=-1.0, filled=True)
    assert explorer.reset() == start
    explorer.at(mean=-1.0, filled=True)
    (button,) = (part for part in explorer.children[0].children if isinstance(part, widgets.Button))
    button.click()
    assert explorer.numbers == start
    assert slider(explorer, "filled").value is False


def test_opened_draws_the_values_and_is_where_reset_goes_back() -> None:
    explorer = GaussianGap()
    assert explorer.opened(mean=-1.0, filled=True) is explorer
    assert (slider(explorer, "mean").value, slider(explorer, "std").value) == (-1.0, 0.5)
    opening = explorer.numbers
    assert opening["gap"] == pytest.approx(gaussian_kl(-1.0, 0.5), abs=1e-12)
    explorer.at(mean=0.3, std=0.25, filled=False)
    assert explorer.reset() == opening
    assert slider(explorer, "filled").value is True
    assert GaussianGap().reset() != opening  # of this one alone


def test_opened_refuses_what_at_refuses_and_leaves_the_start(explorer: GaussianGap) -> None:
    start = explorer.numbers
    with pytest.raises(ValueError, match="mean must lie in"):
        explorer.opened(std=1.0, mean=9.0)
    assert explorer.reset() == start


def test_a_moved_picture_has_no_ghosts(explorer: GaussianGap) -> None:
    for mean in np.linspace(-2, 2, 9):
        explorer.at(mean=float(mean), std=1.0, filled=True)
    explorer.at(mean=0.5, std=0.3, filled=False)
    fresh = GaussianGap()
    fresh.at(mean=0.5, std=0.3)
    assert np.array_equal(shown(explorer), shown(fresh))
    explorer.at(mean=0.6)
    assert not np.array_equal(shown(explorer), shown(fresh))


def test_the_picture_is_what_a_full_draw_gives(explorer: GaussianGap) -> None:
    explorer.at(mean=0.9, std=0.5, filled=True)
    full = GaussianGap()
    figure = full._stage.figure
    full.at(mean=0.9, std=0.5, filled=True)
    for artist in full._stage._moving:
        artist.set_animated(False)
    whole = decoded(show(figure, "All in one.").png)
    # Only what a spine or a still curve covers in the one and not in the other differs.
    assert (shown(explorer) != whole).any(axis=-1).mean() < 0.01


def test_moving_artists_are_not_in_the_background(explorer: GaussianGap) -> None:
    orange = (0xD5, 0x5E, 0x00)
    assert (shown(explorer) == orange).all(axis=-1).any()
    assert not (decoded(explorer._stage.empty()) == orange).all(axis=-1).any()


class Awkward(Explorer):
    """Draws 1/x, which is not there for x = 0, and breaks for x = 5."""

    title = "1 < 2 & x"
    controls = (
        Slider("x", "x", 0, 10, 1, start=2),
        Choice("axis", "axis", ("fixed", "moving"), "fixed"),
    )
    height_px = 200

    def build(self, figure: Figure) -> None:
        (ax,) = panels(figure)
        self.ax = style(ax, keep="xy")
        (self.dot,) = ax.plot([0], [0], "o", color=COLOURS["q"])
        self.moving(self.dot, ax.yaxis)
        self.draws = 0

    def update(self, x: int, axis: str) -> Reading:
        self.draws += 1
        if x == 0:
            raise ValueError("1/x is <undefined> at x = 0")
        if x == 5:
            raise KeyError
        self.dot.set_data([0], [1 / x])
        self.ax.set_ylim(0, 2 / x if axis == "moving" else 2)
        return Reading({"inverse": 1 / x}, f"1/x is {number(1 / x)} < 2.")


@pytest.mark.parametrize(
    ("x", "error", "says"),
    [(0, ValueError, "1/x is <undefined> at x = 0"), (5, KeyError, "KeyError()")],
)
def test_a_value_that_cannot_be_drawn_says_so_and_the_next_recovers(
    x: int, error: type[Exception], says: str
) -> None:
    explorer = Awkward()
    good = shown(explorer)
    slider(explorer, "x").value = x
    assert explorer.sentence == f"This value cannot be drawn: {says}"
    assert html.escape(explorer.sentence) in explorer._said.value
    assert 'role="alert"' in explorer._said.value
    assert explorer.numbers == {}
    assert np.array_equal(shown(explorer), decoded(explorer.png()))
    assert not np.array_equal(shown(explorer), good)  # nothing stale stands beside the slider
    with pytest.raises(error):
        explorer.at(x=x)
    slider(explorer, "x").value = 2
    assert np.array_equal(shown(explorer), good)
    assert explorer.numbers == {"inverse": 0.5}
    assert 'role="status"' in explorer._said.value


class Dormant(Explorer):
    """A second control that has no part in the picture while the first is off."""

    title = "Dormant"
    controls = (Toggle("on", "on", False), Slider("height", "height", 0.0, 1.0, 0.1, start=0.5))

    def build(self, figure: Figure) -> None:
        (self.line,) = figure.subplots().plot([0, 1], [0, 0])
        self.moving(self.line)

    def update(self, on: bool, height: float) -> Reading:
        self.line.set_ydata([0, height if on else 0])
        return Reading({}, "A line.", idle=() if on else ("height",))


def test_a_control_without_a_part_is_greyed_out_until_it_has_one() -> None:
    explorer = Dormant()
    assert slider(explorer, "height").disabled
    assert not slider(explorer, "on").disabled
    explorer.at(on=True)
    assert not slider(explorer, "height").disabled
    explorer.reset()
    assert slider(explorer, "height").disabled


def test_an_axis_can_move() -> None:
    explorer = Awkward()
    fixed = shown(explorer)
    explorer.at(axis="moving")
    moved = shown(explorer)
    left = 2 * 44  # the ticks' labels stand left of the panel
    assert not np.array_equal(fixed[:, :left], moved[:, :left])
    explorer.at(axis="fixed")
    assert np.array_equal(shown(explorer), fixed)


def test_redraw_renews_the_background(explorer: GaussianGap) -> None:
    fresh = GaussianGap()
    panel = fresh.ledger.ax.figure.axes[0]
    before = shown(fresh)
    panel.set_xlabel("somewhere else")
    fresh.at()
    assert np.array_equal(shown(fresh), before)
    fresh.redraw()
    fresh.at()
    assert not np.array_equal(shown(fresh), before)


def test_text_is_escaped_and_stands_for_the_picture() -> None:
    explorer = Awkward()
    assert explorer.children[0].children[0].value == "<b>1 &lt; 2 &amp; x</b>"
    assert (
        explorer._said.value == '<div role="status" aria-live="polite">1/x is 0.500 &lt; 2.</div>'
    )
    assert explorer._picture.tooltip == "1/x is 0.500 < 2."
    assert explorer._picture.get_state()["description"] == ""  # the page needs it for the title


def test_a_saved_page_shows_picture_and_sentence(explorer: GaussianGap) -> None:
    data, metadata = explorer._repr_mimebundle_(include=None, exclude=None)
    assert data["text/plain"] == repr(explorer) == f"{explorer.title}: {explorer.sentence}"
    assert "0x" not in data["text/plain"]
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert decoded(data["image/png"]).shape == (700, 1600, 3)
    assert np.array_equal(decoded(data["image/png"]), shown(explorer))
    about = {"width": 800, "height": 350, "alt": explorer.sentence, "note": ASLEEP}
    about |= {"explorer": "GaussianGap", "values": {"mean": 0.9, "std": 0.5, "filled": False}}
    assert metadata == {"image/png": about}
    assert explorer._picture.layout.width == "800px"
    assert explorer._picture.layout.max_width == "100%"


def test_without_a_loop_a_slider_draws_at_once(explorer: GaussianGap) -> None:
    slider(explorer, "mean").value = 0.3
    assert explorer.numbers["gap"] == gaussian_kl(0.3, 0.5)


def test_events_coalesce_and_the_last_wins() -> None:
    explorer = Awkward()

    async def burst() -> int:
        before = explorer.draws
        for i in range(200):
            slider(explorer, "x").value = 1 + i % 9 if i < 199 else 10
        assert explorer.draws == before  # nothing is drawn inside the burst
        for _ in range(100):  # a busy machine lets it wait longer
            await asyncio.sleep(0.1)
            if explorer.draws > before:
                break
        await asyncio.sleep(0.2)
        return explorer.draws - before

    assert asyncio.run(burst()) == 1
    assert explorer.numbers == {"inverse": 0.1}


def test_events_that_never_pause_are_drawn_all_the_same() -> None:
    explorer = Awkward()

    async def steady() -> set[int]:
        seen: set[int] = set()
        end = time.perf_counter() + 20  # a busy machine may stand still for a while
        while len(seen) <= 3 and time.perf_counter() < end:
            slider(explorer, "x").value = slider(explorer, "x").value % 4 + 1
            await asyncio.sleep(0.001)
            seen.add(explorer.draws)
        return seen

    assert len(asyncio.run(steady())) > 3


def test_a_loop_that_ends_before_the_draw_leaves_no_dead_slider() -> None:
    explorer = Awkward()

    async def move(x: int) -> None:
        slider(explorer, "x").value = x

    asyncio.run(move(4))  # ends before the draw that it scheduled
    asyncio.run(move(8))

    async def move_and_wait(x: int) -> None:
        await move(x)
        for _ in range(100):  # a busy machine lets it wait longer
            await asyncio.sleep(0.1)
            if explorer.numbers == {"inverse": 1.0}:
                break

    asyncio.run(move_and_wait(1))
    assert explorer.numbers == {"inverse": 1.0}


def test_two_threads_draw_one_picture_after_the_other() -> None:
    explorer = Awkward()
    wrong = []

    def work(x: int) -> None:
        for _ in range(20):
            drawn = explorer.at(x=x)["inverse"]
            if drawn != 1 / x:
                wrong.append((x, drawn))

    threads = [threading.Thread(target=work, args=(x,)) for x in (1, 2, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ("control", "kind", "value"),
    [
        (Slider("n", "n", 1, 9, 2, start=3), widgets.IntSlider, 3),
        (Slider("s", "s", 0.0, 1, 0.05, start=0.5), widgets.FloatSlider, 0.5),
        (Slider("s", "s", 1e-3, 1e3, 0.1, start=1.0, log=True), widgets.FloatLogSlider, 1.0),
        (Steps("k", "K", (1, 2, 5, 64), start=5), widgets.SelectionSlider, 5),
        (Choice("w", "world", ("linear", "tanh"), start="tanh"), widgets.ToggleButtons, "tanh"),
        (Choice("w", "world", tuple("abcdef"), start="b"), widgets.Dropdown, "b"),
        (Toggle("on", "on", start=True), widgets.Checkbox, True),
    ],
)
def test_controls_open_at_their_start(control: Any, kind: type[Any], value: Any) -> None:
    widget = control.widget()
    assert type(widget) is kind
    assert (widget.value, widget.description) == (value, control.label)
    sweep = control.sweep(40)
    assert len(sweep) == 40
    assert all(control.check(v) == v for v in sweep)
    for swept in (sweep[0], sweep[-1]):  # every control takes its own ends
        widget.value = swept
        assert widget.value == swept


@pytest.mark.parametrize(
    ("low", "step", "start", "shown"),
    [
        (-2.0, 0.05, 0.0, ".2f"),
        (0, 0.25, 0.5, ".2f"),
        (0.125, 0.5, 0.125, ".3f"),
        (1, 1.0, 2, ".0f"),
    ],
)
def test_a_slider_shows_and_hands_on_every_value_of_its_scale(
    low: float, step: float, start: float, shown: str
) -> None:
    """In the page its value is low + k · step in floating point, 1.4500000000000002 for one."""
    control = Slider("s", "s", low, 8.0, step, start=start)
    assert control.widget().readout_format == shown
    for k in range(int((8.0 - low) / step)):
        exact = Decimal(str(low)) + k * Decimal(str(step))
        in_the_page = low + k * step
        assert control.settled(in_the_page) == float(exact)
        assert format(exact, shown) == format(in_the_page, shown)  # no digit is left out
        assert Decimal(format(in_the_page, shown)) == exact
    assert control.settled(1.0 / 3) == 1.0 / 3  # a value from code stays what it is


def test_what_a_slider_shows_is_what_is_drawn(explorer: GaussianGap) -> None:
    slider(explorer, "mean").value = -2.0 + 69 * 0.05
    assert slider(explorer, "mean").value == 1.4500000000000002
    assert explorer.numbers["gap"] == gaussian_kl(1.45, 0.5)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Slider("s", "s", 1, 0, 1, start=1), "s: low 1, high 0, step 1 make no slider"),
        (lambda: Slider("s", "s", 0, 1, 0.1, start=2), r"s must lie in \[0, 1\], got 2"),
        (lambda: Slider("s", "s", 0, 1, 0.1, start=0.5, log=True), "make no slider"),
        (lambda: Slider("s", "s", 0, 1, math.nan, start=0.5), "step nan make no slider"),
        (
            lambda: Slider("s", "s", 0, math.inf, 0.1, start=0.5),
            "high inf, step 0.1 make no slider",
        ),
        (lambda: Toggle("t", "t", start=1), "t must be True or False, got 1"),  # type: ignore[arg-type]
        (lambda: Slider("n", "n", 1, 9, 1, start=3).check(2.5), "n must be a whole number"),
        (lambda: Steps("k", "K", (1, 2), start=3), "k must be one of 1, 2, got 3"),
        (lambda: Steps("k", "K", (1, 2), start=1).check(True), "k must be one of 1, 2, got True"),
        (lambda: Choice("w", "w", (), start=None), "w needs at least one value"),
    ],
)
def test_controls_that_make_no_sense_are_refused(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_only_artists_move() -> None:
    with pytest.raises(ValueError, match="moving takes matplotlib artists, got list"):
        Awkward().moving([])  # type: ignore[type-var]


class Page:
    """What a browser is to a kernel: sends slider values, reads what comes back."""

    def __init__(self, client: AsyncKernelClient) -> None:
        self.client = client
        self.ids: dict[str, str] = {}

    async def open(self) -> None:
        """Makes the explorer in the kernel and learns where its messages go."""
        here = str(Path(__file__).parent)
        code = f"""import sys; sys.path.insert(0, {here!r})
from test_engine import GaussianGap; e = GaussianGap()"""
        parts = {"mean": "e._widgets['mean']", "said": "e._said"}
        asked = {name: f"{part}.comm.comm_id" for name, part in parts.items()}
        reply = await self.client.execute_interactive(
            code, timeout=60, user_expressions=asked, output_hook=lambda _: None
        )
        answers = reply["content"]["user_expressions"]
        self.ids = {name: ast.literal_eval(answers[name]["data"]["text/plain"]) for name in parts}

    def send(self, value: float) -> None:
        data = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        content = {"comm_id": self.ids["mean"], "data": data}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", content))

    async def listen(self, heard: list[tuple[float, str]]) -> None:
        """Notes each sentence with its time."""
        while True:
            message = await self.client.get_iopub_msg()
            content = message["content"]
            if message["msg_type"] == "comm_msg" and content["comm_id"] == self.ids["said"]:
                heard.append((time.perf_counter(), content["data"]["state"]["value"]))

    async def burst(self, values: Sequence[float], seconds: float) -> tuple[float, list[str]]:
        """Spreads `values` over `seconds`; the delay of the last sentence after them, and all."""
        heard: list[tuple[float, str]] = []
        listener = asyncio.create_task(self.listen(heard))
        start = time.perf_counter()
        for i, value in enumerate(values):
            await asyncio.sleep(max(0.0, start + i * seconds / len(values) - time.perf_counter()))
            self.send(value)
        sent = time.perf_counter()
        last = f"{number(gaussian_kl(values[-1], 0.5))} nats"
        while time.perf_counter() - sent < 10 and not (heard and last in heard[-1][1]):
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.3)  # nothing may come after the last value
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        return heard[-1][0] - sent, [sentence for _, sentence in heard]


async def bursts(lasts: Sequence[float]) -> list[tuple[float, list[str]]]:
    """In one kernel, a burst of 200 values in a second for each last value: how many times as late
    as a value that comes alone, just before or after, the last one is; and all sentences.
    """
    manager, client = await start_new_async_kernel(kernel_name="python3")
    try:
        page = Page(client)
        await page.open()
        await page.burst([1.1], seconds=0.0)  # the first draw takes longer
        results = []
        for last in lasts:
            before, _ = await page.burst([0.7], seconds=0.0)
            delay, said = await page.burst([*np.linspace(-1.5, 1.5, 199).tolist(), last], 1.0)
            after, _ = await page.burst([0.4], seconds=0.0)
            results.append((delay / max(before, after), said))
        return results
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


def test_a_burst_in_a_real_kernel_leaves_no_backlog() -> None:
    lasts = (2.0, -2.0, 1.0)
    results = asyncio.run(bursts(lasts))
    for last, (_, sentences) in zip(lasts, results, strict=True):
        assert number(gaussian_kl(last, 0.5)) in sentences[-1]
        assert 1 <= len(sentences) < 100  # coalesced
    # The draw under way, and its own: a backlog would be of dozens. The best of three, since other
    # programs come and go.
    assert min(times for times, _ in results) < 4


def test_numpy_numbers_and_equal_ones_are_what_they_stand_for() -> None:
    whole, real = Slider("B", "B", 1, 20, 1, 3), Slider("m", "m", -1.0, 1.0, 0.1, 0.0)
    listed = Steps("beta", "β", (0.5, 1.0, 2.0), start=0.5)
    assert type(whole.check(np.int64(10))) is int
    assert [type(real.check(v)) for v in (np.float32(0.5), np.int64(1), 0)] == [float, int, int]
    assert repr(listed.check(1)) == "1.0"
    assert repr(listed.check(np.float64(2))) == "2.0"
    third = Slider("std", "σ", 0.1, 0.3, 0.1, 0.2)
    assert [third.check(np.float32(v)) for v in (0.1, 0.2, 0.3)] == [0.1, 0.2, 0.3]
    ends = Slider("rate", "rate", 0.1, 0.3, 0.1, 0.2, log=True)
    assert [ends.check(np.float32(v)) for v in (0.1, 0.3)] == [0.1, 0.3]
    assert third.check(np.float32(0.21)) == float(np.float32(0.21))  # that is no step
    for switch in (np.True_, np.False_):
        assert Toggle("on", "on", start=False).check(switch) is bool(switch)
    for outside in (np.float32(0.31), np.float32(np.nan)):
        with pytest.raises(ValueError, match="must lie in"):
            third.check(outside)
    for control, value in ((whole, np.bool_(True)), (real, True), (listed, True), (whole, 10.5)):
        with pytest.raises(ValueError, match="must be"):
            control.check(value)
