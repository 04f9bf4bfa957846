"""Pages with explorers for the tests of their controls, made in a folder and opened from there."""

import base64
import functools
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from course_lib.edition.explorer_words import EXPLORER_WORDS
from course_lib.edition.packing import encoded, pack
from course_lib.edition.recording import RecordedControl, Recording
from course_lib.edition.stops import recorded_controls
from course_lib.edition.taking import record
from course_lib.explorers.stage import Explorer
from course_lib.plots import new_figure, show

PLAYER = Path(__file__).resolve().parent.parent / "course_lib" / "edition" / "player"
FAKE = Path(__file__).resolve().parent / "fake_recording.js"
READERS = (PLAYER / "recording.js", PLAYER / "picture.js")
# In the order in which they build on each other.
CONTROLS = (
    "words.js",
    "elements.js",
    "boxes.js",
    "controls.js",
    "shelves.js",
    "screen.js",
    "parts.js",
    "explorer.js",
)
STORED = "The stored sentence of the figure."
STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; padding: 16px; font: 16px/1.5 system-ui, sans-serif; }
body { background: white; color: #1a1a1a; }
@media (prefers-color-scheme: dark) { body { background: #15181c; color: #e6e6e6; } }
"""
IN_THE_NOTEBOOK = '<p class="in-the-notebook">Move it in the notebook.</p>'
PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Explorers</title>
<style>{style}</style></head><body><main><h1>Explorers</h1>{body}</main>{scripts}
<script>course.words = {words}; course.mountExplorers(document);</script></body></html>
"""


@dataclass
class Site:
    """A folder with one page, the player's scripts and recordings.

    readers: the scripts that open recordings. recordings: the text that the script of each carries,
    by name; by default of a fake one.
    """

    folder: Path
    readers: Sequence[Path] = (*READERS, FAKE)
    recordings: Mapping[str, str] = field(default_factory=lambda: {"Everything": "81"})
    words: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: EXPLORER_WORDS)
    language: str = "en"

    def page(self, *figures: str, head: str = "") -> str:
        """Writes a page with these figures; `head` comes before the player. Returns its address."""
        there = self.folder / "recordings"
        there.mkdir(parents=True, exist_ok=True)
        for name, text in self.recordings.items():
            script = f"course.received({json.dumps(name)}, {json.dumps(text)});\n"
            (there / f"{name}.js").write_text(script, encoding="utf-8")
        scripts = [*self.readers, *(PLAYER / name for name in CONTROLS)]
        tags = "\n".join(f'<script src="{path.as_uri()}"></script>' for path in scripts)
        text = PAGE.format(
            language=self.language,
            style=STYLE + (PLAYER / "explorer.css").read_text(encoding="utf-8"),
            body="".join(figures),
            scripts=head + tags,
            words=json.dumps(self.words),
        )
        path = self.folder / "page.html"
        path.write_text(text, encoding="utf-8")
        return path.as_uri()


def figure(
    name: str = "Everything", *, height: int = 300, caption: str = STORED, **values: Any
) -> str:
    """An explorer's figure as a page has it before any script runs."""
    png = base64.b64encode(stored_picture(height)).decode()
    return (
        f'<figure class="explorer" data-explorer="{name}" '
        f'data-values="{html.escape(json.dumps(values))}">'
        f'<img src="data:image/png;base64,{png}" width="800" height="{height}" alt="{STORED}">'
        f"<figcaption>{html.escape(caption)}</figcaption>{IN_THE_NOTEBOOK}</figure>"
    )


@functools.cache
def stored_picture(height: int) -> bytes:
    """A PNG that is told at a glance from what a recording draws."""
    drawn = new_figure(800, height)
    drawn.text(0.5, 0.5, "the stored picture", ha="center")
    return show(drawn, STORED).png


def recorded(kind: type[Explorer], most: int) -> tuple[Recording, str]:
    """A recording of an explorer's example at few stops, and as its script has it.

    A control has its start, its ends and at most so many stops.
    """
    explorer = kind.example()
    controls = recorded_controls(kind.__name__, explorer.controls, {})
    recording = record(explorer, tuple(thinned(c, most) for c in controls))
    return recording, encoded(pack(recording))


def thinned(control: RecordedControl, most: int) -> RecordedControl:
    """The control with its start, its ends and at most so many stops."""
    last = len(control.values) - 1
    even = {round(i * last / max(1, most - 2)) for i in range(most - 1)} if last else {0}
    kept = sorted({*even, control.start})
    return replace(
        control,
        values=tuple(control.values[i] for i in kept),
        shown=tuple(control.shown[i] for i in kept),
        start=kept.index(control.start),
    )
