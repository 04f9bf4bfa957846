"""The tests themselves can fail: each kind of damage is seen, by the right test and for its reason.

A small notebook, which keeps all rules, is stored by the course's own refresh. Then the course
that it ran in is damaged in three ways at once, and each cell of the notebook must fail for its own
damage, the others pass. And each rule is broken alone, and named.
"""

import ast
import base64
import copy
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import conftest
import nbformat
import pytest
import refresh
from nbconvert import HTMLExporter, MarkdownExporter, ScriptExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_measures import words
from notebook_rules import (
    BASIS,
    CLOSED,
    FOLDED,
    Notebook,
    exercise_name,
    faults,
    page_faults,
    solved,
)
from notebook_rules import main as measure
from traitlets.config import Config

import start
from course_lib.checks import Exercise
from course_lib.exercises import EXERCISES, judged

ROOT = Path(__file__).resolve().parent.parent

# Where the damage goes: a sign in every Gaussian's KL(q ‖ p), and what a moved explorer does.
FORMULA = Path("course_lib/distributions/exp_remainder.py")
SIGN = ("r.expm1() - r.clamp", "r.expm1() + r.clamp")
PROOF = "test_distributions_kl_gaussian.py"
EXPLORER = Path("course_lib/explorers/point.py")
POINT = '''"""The smallest explorer."""

from course_lib.explorers.stage import Explorer, Reading, Slider
from course_lib.plots import panels


class Height(Explorer):
    """A point, and how high it lies."""

    title = "A point"
    controls = (Slider("height", "height", 0.0, 1.0, 0.1, start=0.5),)

    def build(self, figure):
        (ax,) = panels(figure)
        (self.point,) = ax.plot([0.0], [0.0], "o")
        self.moving(self.point)

    def update(self, height):
        self.point.set_ydata([height])
        return Reading({"height": height}, f"The point lies at a height of {height:.1f}.")
'''
CALLBACK = ("set_ydata([height])", "set_ydata([heigth])")

SOLUTION = """<details><summary>Solution</summary>

```python
answer = {}
```

</details>"""

# The cells of the small notebook, by a name for each: of which kind it is, and what it holds.
SMALL: dict[str, tuple[str, str]] = {
    "title": (
        "md",
        "# 9 · A small chapter\n\n**The question.** What? After this chapter you can tell.\n\n"
        "*About 25 minutes; Going deeper, at the end, about 5 more.*",
    ),
    "opening": (
        "hidden",
        "from course_lib.explorers.point import Height\n\nexplorer = Height()\nexplorer",
    ),
    "predict": ("md", "The point is a point.\n\n## Predict\n\nCommit to an answer."),
    "imports": (
        "hidden",
        "import torch\n\n"
        "from course_lib.checks import guess, reveal, verify\n"
        "from course_lib.distributions import DiagonalGaussian, kl_divergence\n"
        "from course_lib.exercises import check\n"
        "from course_lib.plots import new_figure",
    ),
    "guesses": ("code", 'guess("9.1", ...)  # one?\nguess("9.2", ...)  # two?'),
    "section": (
        "md",
        "## One\n\nHow far two Gaussians lie apart:\n\n"
        "$$\\log\\frac{\\tau}{\\sigma}+\\frac{\\sigma^2}{2\\tau^2}-\\frac12 \\tag{4.3}$$",
    ),
    "see": (
        "code",
        "q, p = DiagonalGaussian.from_std(0.0, 0.5), DiagonalGaussian.from_std(0.0, 1.0)\n"
        "by_hand = 0.5 * (0.25 - 1 + 2 * torch.tensor(2.0).double().log())\n"
        'verify("4.3", by_hand=by_hand, library=kl_divergence(q, p))',
    ),
    "answers": ("code", 'reveal("9.1", 1)\nreveal("9.2", "no")'),
    "figure": ("hidden", "figure = new_figure(100, 100)"),
    "explore": ("md", "## Explore\n\n> **Try.** Move it."),
    "moved": ("code", "Height().at(height=0.2)"),
    "number": ("code", 'print(f"{1 / 3:.3f} nats")'),
    "wrong": ("md", "## What goes wrong\n\nMuch."),
    "exercises": ("md", "## Exercises\n\n" + " ".join(f'`hint("9.{x}")`' for x in "abcd")),
    **{
        f"{kind} {x}": (
            ("code", f'y = ...\ncheck("9.{x}", y)')
            if kind == "exercise"
            else ("md", SOLUTION.format(1.0))
        )
        for x in "abcd"
        for kind in ("exercise", "solution")
    },
    "recap": ("md", "## Recap\n\nOne is one."),
    "deeper": ("deeper", "## Going deeper: two\n\nTwo is two."),
    "more": ("code", "b = 2.0"),
    "claim": (
        "deeper",
        "## Going deeper: a claim\n\n**A common claim.** It is so.\n\n**Verdict: it holds.**",
    ),
    "basis": ("hidden", f"{BASIS}\nc = 1.0\nassert c == 1"),
}
METADATA: dict[str, dict[str, Any]] = {"hidden": {"jupyter": FOLDED}, "deeper": {CLOSED: True}}
CODE = [name for name, (kind, _) in SMALL.items() if kind in ("code", "hidden")]
Cells = dict[str, Any]
Change = Callable[[Cells], None]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small notebook as refresh stores it, in a copy of the course that has its explorer."""
    root = tmp_path_factory.mktemp("a course")
    shutil.copytree(ROOT / "course_lib", root / "course_lib")
    (root / EXPLORER).write_text(POINT, encoding="utf-8")
    cells = []
    for kind, source in SMALL.values():
        told = METADATA.get(kind, {})
        if kind in ("code", "hidden"):
            cells.append(new_code_cell(source, metadata=told))
        else:
            cells.append(new_markdown_cell(source, metadata=told))
    path = root / "notebooks" / "09_small.ipynb"
    path.parent.mkdir()
    nbformat.write(new_notebook(cells=cells), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(root))
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        refresh.refresh(path)
    return path


@pytest.fixture
def cells(stored: Path) -> Cells:
    """Each cell of the small notebook as it is stored, by its name; to be changed."""
    return dict(zip(SMALL, nbformat.read(stored, as_version=4).cells, strict=True))


def replace(path: Path, old: str, new: str) -> None:
    """Changes the text of a file, once."""
    content = path.read_text(encoding="utf-8")
    assert content.count(old) == 1, f"{old!r} is not once in {path.name}"
    path.write_text(content.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def outcomes(stored: Path) -> dict[str, str]:
    """What each test of the damaged copy says: nothing if it passed, else its message."""
    root = stored.parent.parent
    (root / "tests").mkdir()
    shutil.copy(ROOT / "tests" / PROOF, root / "tests")
    shutil.copy(ROOT / "tests" / "conftest.py", root / "tests")
    shutil.copy(ROOT / "pyproject.toml", root)
    replace(root / FORMULA, *SIGN)
    replace(root / EXPLORER, *CALLBACK)
    damaged = stored.parent / "10_damaged.ipynb"
    damaged.write_text(stored.read_text(encoding="utf-8"), encoding="utf-8")
    replace(damaged, "0.333 nats", "0.334 nats")
    report = root / "report.xml"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env"),
        *("notebooks/10_damaged.ipynb", f"tests/{PROOF}", f"--junitxml={report}"),
        *("-k", "ipynb or test_gaussians_of_both_kinds"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(command, cwd=root, env=environment, capture_output=True, check=False)
    found = {}
    for case in ET.parse(report).iter("testcase"):
        bad = [child for child in case if child.tag in ("failure", "error")]
        found[str(case.get("name"))] = "".join(child.text or "" for child in bad)
    return found


def told(outcomes: dict[str, str]) -> dict[str, str]:
    """What nbval says of each cell of code, by its name."""
    said = [text for name, text in outcomes.items() if "Cell" in name]
    return dict(zip(CODE, said, strict=True))


def test_only_the_damaged_cells_fail(outcomes: dict[str, str]) -> None:
    failed = [name for name, said in told(outcomes).items() if said]
    assert failed == ["opening", "see", "moved", "number"]


def test_a_changed_number_is_seen(outcomes: dict[str, str]) -> None:
    assert "0.334 nats" in told(outcomes)["number"]
    assert "0.333 nats" in told(outcomes)["number"]


def test_a_flipped_sign_is_seen_by_verify(outcomes: dict[str, str]) -> None:
    assert "VerificationError" in told(outcomes)["see"]
    assert "equation 4.3: library gives" in told(outcomes)["see"]


def test_a_flipped_sign_is_seen_by_its_test(outcomes: dict[str, str]) -> None:
    proofs = {name: text for name, text in outcomes.items() if "both_kinds" in name}
    assert len(proofs) == 4
    assert all(proofs.values())  # every pair's widths are compared by it


def test_a_broken_callback_is_seen(outcomes: dict[str, str]) -> None:
    for name in ("opening", "moved"):
        assert "name 'heigth' is not defined" in told(outcomes)[name]


# ---- The rules, each broken alone ----


def faults_of(cells: Cells, metadata: dict[str, Any] = refresh.METADATA) -> list[str]:
    """What the rules find in these cells."""
    return faults(Notebook(9, new_notebook(cells=list(cells.values()), metadata=metadata)))


def place(name: str) -> int:
    return list(SMALL).index(name) + 1


def at(name: str) -> str:
    """How a fault of this cell begins."""
    return f"cell {place(name)}: "


def both(*changes: Change) -> Change:
    def change(cells: Cells) -> None:
        for each in changes:
            each(cells)

    return change


def add(name: str, source: str) -> Change:
    """Writes more into a cell."""

    def change(cells: Cells) -> None:
        cells[name]["source"] += source

    return change


def turn(name: str, old: str, new: str) -> Change:
    """Writes something else into a cell."""

    def change(cells: Cells) -> None:
        assert cells[name]["source"].count(old) == 1
        cells[name]["source"] = cells[name]["source"].replace(old, new)

    return change


def tell(name: str, **metadata: Any) -> Change:
    """Gives a cell these metadata alone."""

    def change(cells: Cells) -> None:
        cells[name]["metadata"] = nbformat.from_dict(metadata)

    return change


def count(name: str, number: int | None) -> Change:
    """Numbers a cell as if it had run then."""

    def change(cells: Cells) -> None:
        cells[name]["execution_count"] = number

    return change


def say(name: str, said: str, stream: str = "stdout") -> Change:
    """Stores that a cell printed this, and no more."""

    def change(cells: Cells) -> None:
        cells[name]["outputs"] = [new_output("stream", name=stream, text=said)]

    return change


def fail(name: str) -> Change:
    def change(cells: Cells) -> None:
        cells[name]["outputs"] = [new_output("error", ename="E", evalue="", traceback=[])]

    return change


def show(mime: str, value: Any) -> Change:
    """Stores something else, or nothing, among what the explorer shows."""

    def change(cells: Cells) -> None:
        data = cells["opening"]["outputs"][0]["data"]
        data.pop(mime, None)
        data |= {} if value is None else {mime: value}

    return change


def describe(name: str, value: Any) -> Change:
    """Stores something else, or nothing, of what is said of the explorer's picture."""

    def change(cells: Cells) -> None:
        about = cells["opening"]["outputs"][0]["metadata"]["image/png"]
        del about[name]
        about |= {} if value is None else {name: value}

    return change


def run(cells: Cells) -> None:
    """Numbers the cells in their order."""
    code = [cell for cell in cells.values() if cell["cell_type"] == "code"]
    for number, cell in enumerate(code, start=1):
        cell["execution_count"] = number


def drop(*names: str) -> Change:
    def change(cells: Cells) -> None:
        for name in names:
            del cells[name]
        run(cells)

    return change


def last(*names: str) -> Change:
    """Puts cells at the end."""

    def change(cells: Cells) -> None:
        for name in names:
            cells[name] = cells.pop(name)
        run(cells)

    return change


def write_on(source: str) -> Change:
    """One more cell of words, before the last."""

    def change(cells: Cells) -> None:
        cells["words"] = new_markdown_cell(source)
        last("basis")(cells)

    return change


def minutes(number: int) -> Change:
    return turn("title", "25", str(number))


def lengthen(cells: Cells) -> None:
    """Long cells, each short enough, so that the core has one line too many."""
    for name, lines in (("guesses", 23), ("see", 22), ("exercise a", 23), ("exercise b", 6)):
        cells[name]["source"] += "\nx = 1" * lines


JUNK = base64.b64encode(b"no picture").decode()
WIDGET = "application/vnd.jupyter.widget-view+json"
DEFINITIONS = "\ndef f(): ...\ndef g(): ...\ndef h(): ..."
TIMES = "*About 25 minutes; Going deeper, at the end, about 5 more.*"


def test_the_small_notebook_keeps_all_rules(stored: Path) -> None:
    assert faults(Notebook.read(stored)) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (count("number", None), f"{at('number')}execution count None, expected 8"),
        (count("number", 9), f"{at('number')}execution count 9, expected 8"),
        (tell("more", tags=["nbval-ignore-output"]), f"{at('more')}tag 'nbval-ignore-output'"),
        (add("more", "\n# NBVAL_SKIP"), f"{at('more')}a comment steers nbval"),
        (fail("more"), f"{at('more')}an error without the tag raises-exception"),
        (
            tell("more", tags=["raises-exception"]),
            f"{at('more')}tagged raises-exception, and raises none",
        ),
        (add("more", ";"), f"{at('more')}a trailing semicolon"),
        (say("more", "careful", "stderr"), f"{at('more')}output on stderr"),
        (show(WIDGET, {}), f"{at('opening')}output of type {WIDGET}"),
        (tell("recap", **{CLOSED: True}), f"{at('recap')}metadata ['{CLOSED}']"),
        (show("image/png", JUNK), f"{at('opening')}a picture that does not decode"),
        (
            describe("width", 640),
            f"{at('opening')}a picture 1600 pixels wide, expected twice the shown 640",
        ),
        (describe("width", 801), f"{at('opening')}a picture shown 801 pixels wide"),
        (
            show("text/plain", "<Figure>"),
            f"{at('opening')}a picture whose alternative text is '<Figure>'",
        ),
        (describe("alt", None), f"{at('opening')}a picture whose alternative text is ''"),
        (
            describe("explorer", None),
            f"{at('opening')}an explorer's picture that does not say which, or where",
        ),
        (
            turn("opening", "Height()", "Height().opened(height=0.2)"),
            f"{at('opening')}an explorer whose height stands at 0.5",
        ),
        (
            say("number", "<object at 0x7f0123456789>"),
            f"{at('number')}'0x7f0123456789' is a path or an address of one machine",
        ),
        (add("section", r" $\nosuchsign x$"), f"{at('section')}a formula that cannot be drawn"),
        (describe("height", None), f"{at('opening')}a picture whose height is not stored"),
        (
            both(add("number", "\nx = 1" * 25), minutes(30)),
            f"{at('number')}26 lines of code, at most 25 are allowed",
        ),
        (
            add("number", DEFINITIONS),
            "definitions outside the exercises: f, g, h; at most two are allowed",
        ),
        (turn("title", "# 9 · ", "# 9. "), "the first cell must open with '# 9 · ' and the title"),
        (turn("title", "question", "matter"), "the title cell does not say 'question'"),
        (turn("title", "you can", "I can"), "the title cell does not say 'you can'"),
        (turn("predict", "## P", "P"), "no heading that starts with 'Predict'"),
        (turn("explore", "## E", "E"), "no heading that starts with 'Explore'"),
        (turn("wrong", "## W", "W"), "no heading that starts with 'What goes wrong'"),
        (turn("exercises", "## E", "E"), "no heading that starts with 'Exercises'"),
        (turn("recap", "## R", "R"), "no heading that starts with 'Recap'"),
        (
            both(
                turn("wrong", "What goes wrong", "Recap"), turn("recap", "Recap", "What goes wrong")
            ),
            "the headings are out of order: Predict, One, Explore, Recap, Exercises, What goes",
        ),
        (turn("claim", "Verdict", "So"), "no 'A common claim' with its '**Verdict'"),
        (turn("see", 'verify("4.3", ', "dict("), "no cell calls verify"),
        (show("image/png", None), "the explorer Height is not shown with a picture"),
        (
            turn("opening", "explorers.point", "elsewhere"),
            "no explorer is imported from course_lib.explorers",
        ),
        (
            turn("opening", "explorers.point", "explorers.scenes.point"),
            "no explorer is imported from course_lib.explorers",
        ),
        (
            add("exercise a", '\ncheck("9.a", 1)'),
            f"{at('exercise a')}more than one check; an exercise is one cell",
        ),
        (
            say("exercise a", "9.a: right"),
            f"{at('exercise a')}an exercise that is stored with an answer",
        ),
        (
            drop("solution b"),
            f"{at('exercise b')}exercise '9.b' has no collapsed solution after it",
        ),
        (
            add("more", "\nexplorer.at(height=0.2)"),
            f"{at('more')}explorer.at, and explorer is the reader's explorer",
        ),
        (
            add("more", "\nmine = [explorer]"),
            f"{at('more')}explorer, and explorer is the reader's explorer",
        ),
        (
            add("more", "\nprint(f'{explorer.numbers}')"),
            f"{at('more')}explorer.numbers, and explorer is the reader's explorer",
        ),
        (
            both(add("more", "\nq.mean"), add("number", "\nfor q in range(3):\n    q += 1")),
            f"{at('more')}reads 'q', which the cells {place('see')} and {place('number')} set",
        ),
        (
            both(
                add("number", "\none, rng = 1, torch.Generator().manual_seed(one := 2)"),
                add("more", "\ndraws = [torch.rand(1, generator=rng) for one in range(3)]"),
            ),
            f"{at('more')}draws from 'rng', the generator of cell {place('number')}",
        ),
        (
            both(add("wrong", " word" * 1_700), minutes(35)),
            "1758 words in the core, at most 1700 are allowed",
        ),
        (
            both(lengthen, minutes(35)),
            "91 visible lines of code in the core, at most 90 are allowed",
        ),
        (turn("title", TIMES, ""), f"the title cell must say '{TIMES}'"),
        (minutes(20), "the title cell must say '*About 25 minutes"),
        (add("section", r" $$2=2. \tag{9.2}$$" * 3), "the title cell must say '*About 30 minutes"),
        (
            add("deeper", " word" * 1_500),
            "the title cell must say '*About 25 minutes; Going deeper, at the end, about 10 more.*",
        ),
        (add("see", "\nassert by_hand > 0"), f"{at('see')}an assert that is seen"),
        (add("more", "\nassert b == 2"), f"{at('more')}an assert that is seen"),
        (tell("figure"), f"{at('figure')}code that draws and is not folded"),
        (add("see", "\nplots.panels(q)"), f"{at('see')}code that draws and is not folded"),
        (tell("opening"), f"{at('opening')}explorer, an explorer, in visible code"),
        (
            add("imports", '\nverify("4.3", a=1, b=1)' * 6),
            "7 verify lines in the core, at most 6 are allowed",
        ),
        (tell("deeper"), f"{at('deeper')}a heading without the metadata {CLOSED}"),
        (turn("deeper", "per: two", "per"), f"{at('deeper')}must begin with '## Going deeper: '"),
        (write_on("## Again"), f"{at('basis')}a heading of the core after 'Going deeper'"),
        (turn("basis", BASIS, "# Checks"), "the last cell must be folded code that begins with"),
        (drop("basis"), "the last cell must be folded code that begins with"),
        (add("basis", "\nassert b == 2"), f"{at('basis')}takes 'b' from cell {place('more')}"),
        (
            both(drop("exercise d", "solution d"), minutes(20)),
            "the exercises are 9.a, 9.b, 9.c; expected 9.a, 9.b, 9.c, 9.d",
        ),
        (
            both(last("exercise d", "solution d", "basis"), minutes(20)),
            "an exercise after 'Going deeper'",
        ),
        (turn("exercises", '"9.c"', ""), 'exercise 9.c: nothing says hint("9.c")'),
        (add("see", '\nhint("9.a")'), f"{at('see')}calls hint"),
        (
            both(turn("guesses", '\nguess("9.2"', "#"), turn("answers", '\nreveal("9.2"', "#")),
            "1 guesses, expected two or three",
        ),
        (turn("answers", 'reveal("9.2", "no")', ""), "guess 9.2: asked and revealed in the cells"),
        (add("answers", '\nreveal("9.2", "no")'), "guess 9.2: asked and revealed in the cells"),
        (add("imports", '\nreveal("9.3", 1)'), "guess 9.3: asked and revealed in the cells"),
        (
            both(turn("guesses", "9.2", "9.b"), turn("answers", "9.2", "9.b")),
            "guess '9.b': expected a name such as 9.1",
        ),
        (
            both(
                turn("guesses", '"9.1", ...', '"9.1", 3'),
                say("guesses", "9.1: noted, 3\n9.2: no guess yet\n"),
            ),
            f"{at('guesses')}a guess that is stored with an answer",
        ),
        (
            say("guesses", "9.1: noted, 3\n"),
            f"{at('guesses')}a guess that is stored with an answer",
        ),
    ],
)
def test_a_broken_rule_is_named(cells: Cells, change: Change, fault: str) -> None:
    """It alone: whatever else the change brings about, no other rule has anything against it."""
    change(cells)
    found = set(faults_of(cells))
    assert len(found) == 1, found
    assert found.pop().startswith(fault)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"kernelspec": {"name": "python3.13"}}, "kernel 'python3.13', expected 'python3'"),
        ({"language_info": {"version": "3"}}, "language_info tells of one machine's Python"),
        ({"language_info": {"file_extension": None}}, "language_info has no file_extension"),
        ({"widgets": {}}, "widget state in the metadata"),
    ],
)
def test_what_is_wrongly_told_of_a_notebook_is_named(
    cells: Cells, change: dict[str, dict[str, str | None]], fault: str
) -> None:
    metadata: dict[str, Any] = copy.deepcopy(refresh.METADATA)
    for part, values in change.items():
        told = metadata.get(part, {}) | values
        metadata[part] = {name: value for name, value in told.items() if value is not None}
    assert faults_of(cells, metadata) == [fault]


def test_a_notebook_that_did_not_run_is_named(cells: Cells) -> None:
    for name in CODE:
        cells[name]["outputs"], cells[name]["execution_count"] = [], None
    found = faults_of(cells)
    for number, name in enumerate(CODE, start=1):
        assert f"{at(name)}execution count None, expected {number}" in found
    assert "the explorer Height is not shown with a picture" in found
    for letter in "abcd":
        name = f"exercise {letter}"
        assert f"{at(name)}an exercise that is stored with an answer" in found


def test_an_exercise_with_one_hint_is_named(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXERCISES, "9.b", Exercise("9.b", lambda: 1.0, hints=("One.",)))
    assert faults_of(cells) == ["exercise 9.b has 1 hints, expected two"]


FENCE = "<details><summary>Why</summary>\n\n```python\n# why\n```\n\n</details>"


@pytest.mark.parametrize(
    "change",
    [
        add("basis", "\nc = 1" * 100),
        add("figure", "\nimport math" * 100 + "\nd = 1" * 24),
        add("more", DEFINITIONS),
        write_on(FENCE),
    ],
)
def test_what_is_allowed_is_no_fault(cells: Cells, change: Change) -> None:
    """A long last cell; folded code with its imports; definitions after the core; a remark in a
    solution, which is no heading.
    """
    change(cells)
    assert faults_of(cells) == []


def test_folded_code_is_short_as_well(cells: Cells) -> None:
    cells["figure"]["source"] += "\nimport math" * 100 + "\nd = 1" * 25
    assert faults_of(cells) == [f"{at('figure')}26 lines of code, at most 25 are allowed"]


def test_names_of_one_cell_are_its_own(cells: Cells) -> None:
    """A loop's, a function's and a comprehension's names, and what a cell sets before it reads."""
    cells["guesses"]["source"] += "\nx, rng = 1, torch.Generator()\ndef f(x): return x"
    cells["see"]["source"] += "\nx = [x for x in range(3)]\nprint(x, lambda x: x)"
    cells["number"]["source"] += "\nrng = torch.Generator()\ntorch.rand(1, generator=rng)"
    cells["more"]["source"] = "from course_lib.checks import verify\nverify, f(1)"
    assert faults_of(cells) == []


@pytest.mark.parametrize(
    ("markdown", "fault"),
    [
        (r"so $\nosuchsign x$", r"a formula that cannot be drawn: '\\nosuchsign x'"),
        (r"> $$\frac{1}{2$$", "a formula that cannot be drawn"),
        ("<details>\n\nwords\n</details>", "a fold without a summary"),
        ("<details><summary>Why</summary>\n\nwords", "1 folds are opened and 0 closed"),
        ("![](picture.png)", "a picture without alternative text"),
        ("## One\n\n#### Two", "headings that skip a level: [2, 4]"),
    ],
)
def test_what_a_page_cannot_show_is_named(markdown: str, fault: str) -> None:
    (found,) = page_faults(markdown)
    assert found.startswith(fault)


def test_what_a_page_can_show_is_no_fault() -> None:
    fold = "<details><summary>Why</summary>\n\n> $x$ and `$y$`\n\n</details>"
    assert not list(page_faults(f"## One\n\n### Two\n\n{fold}\n\n## Three"))


@pytest.mark.parametrize(
    ("markdown", "count"),
    [
        ("# 3 · How so?\n\n**You** can: read, `x = 1`, − and so on.", 11),
        ("So $a + b$ is $c$.\n\n$$a = b \\tag{1.1}$$\n\n> - one\n> - two", 6),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n\n[two words](https://a.b/c-d e)", 6),
        ("<details><summary>Why</summary>\n\nbecause\n\n</details>\n\n```python\na = 1\n```", 0),
    ],
)
def test_words_are_counted_as_they_are_read(markdown: str, count: int) -> None:
    assert words(markdown) == count


def test_a_notebook_is_measured_by_command(capsys: pytest.CaptureFixture[str]) -> None:
    status = measure(["12"])
    first, core, rest, *told = capsys.readouterr().out.splitlines()
    assert first.startswith("12_")
    assert re.search(r"core +\d+ words, +\d+ visible lines of code, .*: about \d+ minutes", core)
    assert "rest" in rest
    assert status == (told != ["  keeps the rules"])


# ---- What a notebook becomes ----


def test_refresh_keeps_what_is_closed_at_first_and_slides(cells: Cells) -> None:
    slide = {"slideshow": {"slide_type": "slide"}}
    cells["deeper"]["metadata"]["collapsed"] = True
    cells["title"]["metadata"] |= slide
    made = new_notebook(cells=list(cells.values()))
    refresh.normalise(made)
    kept = [dict(cell.metadata) for cell in made.cells if cell.metadata]
    hidden, deeper = METADATA["hidden"], METADATA["deeper"]
    assert kept == [slide] + [hidden] * 3 + [deeper] * 2 + [hidden]


def test_nbconvert_makes_a_program(stored: Path) -> None:
    program, made = ScriptExporter().from_filename(str(stored))
    assert made["output_extension"] == ".py"
    ast.parse(program)


def test_nbconvert_makes_pages_that_say_what_a_picture_shows(stored: Path) -> None:
    told = Config(start.exports())
    page, _ = HTMLExporter(config=told).from_filename(str(stored))
    assert '<img alt="The point lies at a height of 0.5."' in page
    assert "No description has been provided" not in page
    markdown, _ = MarkdownExporter(config=told).from_filename(str(stored))
    assert "![The point lies at a height of 0.5.](" in markdown


# ---- Solutions ----


EXERCISE = """answer = ...
check("1.a", answer)"""


@pytest.mark.parametrize("answer", ["math.nan", "0.0"])
def test_a_wrong_solution_is_seen(answer: str) -> None:
    cells = [
        new_code_cell("import math\n\nfrom course_lib.exercises import check"),
        new_code_cell(EXERCISE),
        new_markdown_cell(SOLUTION.format(answer)),
    ]
    book = Notebook(1, new_notebook(cells=cells))
    (exercise,) = book.exercises
    assert not judged(exercise_name(exercise), solved(book, exercise)).accepted


@pytest.mark.parametrize(
    "solution",
    [
        'check("0.e", "b", "a")',
        'one, two = "b", "a"',
        'two = "a"\none = "b"\ncheck("0.e", [one, two])',
    ],
)
def test_a_solution_may_fill_several_blanks(solution: str) -> None:
    cells = [
        new_code_cell("from course_lib.exercises import check"),
        new_code_cell('one, two = ..., ...\ncheck("0.e", one, two)'),
        new_markdown_cell(SOLUTION.replace("answer = {}", solution)),
    ]
    book = Notebook(1, new_notebook(cells=cells))
    (exercise,) = book.exercises
    assert solved(book, exercise) == ["b", "a"]


def test_the_longest_files_come_first_and_all_others_stay_in_order() -> None:
    assert all((ROOT / "tests" / name).is_file() for name in conftest.FIRST)
    last, first = conftest.FIRST[-1], conftest.FIRST[0]
    items: Any = [SimpleNamespace(path=Path(p)) for p in ("b.py", "a.ipynb", last, "a.py", first)]
    conftest.pytest_collection_modifyitems(items)
    assert [str(item.path) for item in items] == [first, last, "b.py", "a.ipynb", "a.py"]
