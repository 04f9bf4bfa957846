"""How long an explorer of a page takes in a browser, from a key to the picture.

    python benchmarks/player.py                       a Markdown table, one row an explorer
    python benchmarks/player.py --check PosteriorGap  also exits 1 if it is slower than promised

Each explorer is recorded at the stops that its page has, opened from a folder, and every slider is
moved by arrow keys from end to end. "key to picture" goes from the key's own time stamp until the
canvas has all its pixels, which are read to be sure; "key to frame" until after the next frame,
and so waits for the screen, which takes a new picture every 17 ms. "drawing" is a
picture alone, at a stop or between two. Needs Debian's chromium, or Chrome.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from statistics import median

FOLDER = Path(__file__).resolve().parent
sys.path += [str(FOLDER), str(FOLDER.parent / "tests")]

P95_MS = 16.0
KEYS = 100  # an explorer, at least
# What the page notes of each key and each picture.
NOTES = """
window.notes = { picture: [], frame: [], drawing: [] };
addEventListener('keydown', event => { window.pressed = event.timeStamp; }, true);
addEventListener('input', () => { window.waiting = window.pressed; }, true);
function note(start) {
  const done = performance.now();
  notes.drawing.push(done - start);
  if (window.waiting === undefined) return;
  const pressed = window.waiting;
  window.waiting = undefined;
  notes.picture.push(done - pressed);
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => notes.frame.push(performance.now() - pressed);
    port2.postMessage('');
  });
}
addEventListener('DOMContentLoaded', () => {
  for (const name of ['drawFrame', 'drawBetween']) {
    const draw = course[name];
    course[name] = (recording, context, ...others) => {
      const start = performance.now();
      draw(recording, context, ...others);
      context.getImageData(0, 0, 1, 1);
      note(start);
    };
  }
});
"""


def p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


def measured(name: str, folder: Path) -> tuple[dict[str, list[float]], int, int]:
    """Times in milliseconds by what they are of, the positions, and the bytes of the recording."""
    explorers = import_module("explorers").explorers()
    player_pages, browsing = import_module("player_pages"), import_module("browsing")
    kind = {one.__name__: one for one in explorers}[name]
    recording, text = player_pages.recorded(kind)
    site = player_pages.Site(folder, readers=player_pages.READERS, recordings={name: text})
    with browsing.browsing(1280, 1000) as page:
        page.add_init_script(NOTES)
        page.goto(site.page(player_pages.figure(name, height=recording.height)))
        page.locator('figure[data-state="live"]').wait_for()
        sliders = page.get_by_role("slider").all()
        for _ in range(1 + KEYS // sum(len(c.values) for c in recording.controls)):
            for slider in sliders:
                sweep(slider)
        notes: dict[str, list[float]] = page.evaluate("notes")
    return notes, len(recording.said), len(text)


def sweep(slider: object) -> None:
    """From one end of a slider to the other by arrow keys, at some forty a second."""
    if not slider.is_enabled():  # type: ignore[attr-defined]
        return
    slider.press("Home")  # type: ignore[attr-defined]
    for _ in range(int(slider.get_attribute("max"))):  # type: ignore[attr-defined]
        slider.press("ArrowRight")  # type: ignore[attr-defined]
        slider.page.wait_for_timeout(25)  # type: ignore[attr-defined]


def row(name: str) -> tuple[str, bool]:
    """One line of the table, and whether this explorer keeps the promise."""
    with tempfile.TemporaryDirectory() as folder:
        notes, positions, size = measured(name, Path(folder))
    kept = p95(notes["picture"]) <= P95_MS
    cells = [name, f"{positions:,}", f"{size / 1e6:.2f}", str(len(notes["picture"]))]
    for what in ("picture", "frame", "drawing"):
        cells += [f"{f(notes[what]):.1f}" if notes[what] else "" for f in (median, p95)]
    return "| " + " | ".join([*cells, "yes" if kept else "**no**"]) + " |", kept


def main(words: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 if an explorer is too slow")
    parser.add_argument("names", nargs="*", help="only these, such as PosteriorGap")
    asked = parser.parse_args(words)
    every = [kind.__name__ for kind in import_module("explorers").explorers()]
    if unknown := set(asked.names) - set(every):
        parser.error(f"no explorer {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    titles = ["explorer", "positions", "MB", "keys", "key to picture, median ms", "p95"]
    titles += ["key to frame, median ms", "p95", "drawing, median ms", "p95", "kept"]
    print("| " + " | ".join(titles) + " |\n|---|" + "---:|" * 9 + "---|")
    kept = []
    for name in asked.names or every:
        line, good = row(name)
        print(line, flush=True)
        kept.append(good)
    print(f"\nPromised: key to picture ≤ {P95_MS:.0f} ms at p95.")
    return int(asked.check and not all(kept))


if __name__ == "__main__":
    sys.exit(main())
