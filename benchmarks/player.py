"""How long an explorer of a page takes in a browser, from a key to the picture.

    python benchmarks/player.py                       a Markdown table, one row an explorer
    python benchmarks/player.py --check PosteriorGap  also exits 1 if it is slower than promised

Each explorer is recorded at the stops of its page (or taken from runs/recordings, where the pages
keep theirs), opened from a folder, and each slider moved by arrow keys. A time goes from the key
until the canvas has all its pixels, which are read to be sure. It is the time for which the page
held a core, all that it does for the key included. A clock's, which ends when the picture is there,
stands beside it, and is longer while other programs run; "seen" ends with the frame that brings it
to the screen, and holds the wait for the screen, up to 17 ms at 60 frames a second.
"between" is a picture between two stops, of which a glide has some ten. Needs Debian's chromium, or
Chrome.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from playwright.sync_api import Locator, Page

from course_lib.edition.catalogue import EXPLORERS
from course_lib.edition.packing import encoded, unpack
from course_lib.edition.recorder import recordings

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT), str(ROOT / "tests")]

KEPT = ROOT / "runs" / "recordings"
P95_MS = 16.0
FEWEST = 40  # keys for each slider
BETWEEN = 50  # pictures between two stops
# Notes how long after a key the canvas has the picture that it asked for.
CLOCK = """
window.took = [];
window.seen = [];
addEventListener('keydown', event => { window.pressed = event.timeStamp; }, true);
addEventListener('input', event => {
  const canvas = event.target.closest('figure').querySelector('canvas');
  canvas.getContext('2d').getImageData(0, 0, 1, 1);
  took.push(performance.now() - pressed);
  const begun = pressed;
  // After the frame that shows it: its own callbacks come before it is painted, a message after.
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => seen.push(performance.now() - begun);
    port2.postMessage(null);
  });
});
"""
GLIDE = """async ([name, times]) => {
  const recording = await course.recordingNamed(name);
  const context = document.querySelector('canvas').getContext('2d');
  const start = recording.controls.map(control => control.start);
  const axis = recording.controls.findIndex(control => ['slider', 'steps'].includes(control.kind));
  const [from, to] = [0, 1].map(stop => recording.frame(start.with(axis, stop)));
  for (let i = 0; i < times; i += 1) {
    recording.blend(context, from, to, i / times, context.canvas.width / recording.width);
    context.getImageData(0, 0, 1, 1);
  }
}"""


@dataclass(frozen=True)
class Times:
    """Milliseconds for each key: of a core, on the clock, till seen; and for a picture between."""

    core: list[float]
    clock: list[float]
    seen: list[float]
    between: float


def p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


def measured(page: Page, name: str) -> Times:
    """What the keys of the explorer in the page take. Nothing glides meanwhile."""
    page.locator('figure[data-state="live"]').wait_for()
    page.emulate_media(reduced_motion="reduce")
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable", {"timeDomain": "threadTicks"})

    def held() -> float:
        found = metrics.send("Performance.getMetrics")["metrics"]
        return 1e3 * float(next(m["value"] for m in found if m["name"] == "TaskDuration"))

    core = []
    for slider in page.get_by_role("slider", disabled=False).all():
        for key in keys(slider):
            before = held()
            slider.press(key)
            core.append(held() - before)
    page.wait_for_function("seen.length === took.length")
    clock, seen = page.evaluate("took"), page.evaluate("seen")
    before = held()
    page.evaluate(GLIDE, [name, BETWEEN])
    return Times(core, clock, seen, (held() - before) / BETWEEN)


def keys(slider: Locator) -> Iterator[str]:
    """From one end to the other and back, until there are enough."""
    slider.press("Home")
    last = int(slider.get_attribute("max") or 0)
    there = [*["ArrowRight"] * last, *["ArrowLeft"] * last]
    return islice(cycle(there), max(FEWEST, len(there)) if there else 0)


def row(name: str) -> tuple[str, bool]:
    """One line of the table, and whether this explorer keeps the promise."""
    player_pages, browsing = import_module("player_pages"), import_module("browsing")
    data = recordings(ROOT / "notebooks", KEPT, [name], quiet=True)[name]
    recording, text = unpack(data), encoded(data)
    opening = recording.frame(tuple(control.start for control in recording.controls))
    with tempfile.TemporaryDirectory() as folder, browsing.browsing(1280, 1000) as page:
        site = player_pages.Site(
            Path(folder), readers=player_pages.READERS, recordings={name: text}
        )
        page.add_init_script(CLOCK)
        drawn = player_pages.figure(name, height=recording.height, caption=opening.sentence)
        page.goto(site.page(drawn))
        times = measured(page, name)
    kept = p95(times.core) <= P95_MS
    cells = [name, f"{len(recording.said):,}", f"{len(text) / 1e6:.2f}", str(len(times.core))]
    three = (times.core, times.clock, times.seen)
    both = [f(values) for values in three for f in (median, p95)]
    cells += [f"{value:.1f}" for value in (*both, times.between)]
    return "| " + " | ".join([*cells, "yes" if kept else "**no**"]) + " |", kept


def main(words: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 if an explorer is too slow")
    parser.add_argument("names", nargs="*", help="only these, such as PosteriorGap")
    asked = parser.parse_args(words)
    if unknown := set(asked.names) - set(EXPLORERS):
        parser.error(f"no explorer {', '.join(sorted(unknown))}; there are {', '.join(EXPLORERS)}")
    titles = ["explorer", "positions", "MB", "keys", "median ms", "p95 ms", "clock ms", "p95"]
    titles += ["seen ms", "p95", "between ms", "kept"]
    print("| " + " | ".join(titles) + " |\n|---|" + "---:|" * 10 + "---|")
    kept = []
    for name in asked.names or EXPLORERS:
        line, good = row(name)
        print(line, flush=True)
        kept.append(good)
    print(f"\nPromised: from key to picture ≤ {P95_MS:.0f} ms at p95.")
    return int(asked.check and not all(kept))


if __name__ == "__main__":
    sys.exit(main())
