"""The tests themselves can fail: each kind of damage is seen, by the right test and for its reason.

A small notebook is stored by the course's own refresh. Then a copy of the course is damaged in
three ways at once, and each cell of the notebook must fail for its own damage, the others pass.
"""

import ast
import base64
import copy
import io
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import refresh
from nbconvert import HTMLExporter, MarkdownExporter, ScriptExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
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
from PIL import Image
from traitlets.config import Config

import start
from course_lib.checks import Exercise
from course_lib.exercises import EXERCISES, judged

ROOT = Path(__file__).resolve().parent.parent

# Where the damage goes: a sign in every Gaussian's KL(q ‖ p), and what a moved explorer does.
FORMULA = Path("course_lib/distributions/exp_remainder.py")
SIGN = ("r.expm1() - r.clamp", "r.expm1() + r.clamp")
PROOF = "test_distributions_kl_gaussian.py"
EXPLORER = '''"""The smallest explorer."""

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

TITLE = """# 9. A question
The question: what? You will be able to tell. 20 minutes."""
QUESTION = """## Predict

> **Study note.** Commit to an answer.
"""
IMPORTS = """import torch
from explorer_of_a_point import Height

from course_lib.checks import verify
from course_lib.distributions import DiagonalGaussian, kl_divergence"""
VERIFY = """q, p = DiagonalGaussian.from_std(0.0, 0.5), DiagonalGaussian.from_std(0.0, 1.0)
verify("4.3", by_hand=0.5 * (0.25 - 1 + 2 * torch.tensor(2.0).double().log()),
       library=kl_divergence(q, p))"""
EXPLORE = """explorer = Height()
explorer"""
MOVE = """explorer.at(height=0.2)"""
NUMBER = """print(f"{1 / 3:.3f} nats")"""
VERIFIED, EXPLORED, MOVED, NUMBERED = 1, 2, 3, 4  # places among the code cells


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small notebook as refresh stores it, beside its explorer."""
    folder = tmp_path_factory.mktemp("a course") / "notebooks"
    folder.mkdir()
    (folder / "explorer_of_a_point.py").write_text(EXPLORER, encoding="utf-8")
    sources = [IMPORTS, VERIFY, EXPLORE, MOVE, NUMBER]
    cells = [new_markdown_cell(TITLE), new_markdown_cell(QUESTION)]
    path = folder / "09_small.ipynb"
    nbformat.write(new_notebook(cells=cells + [new_code_cell(s) for s in sources]), path)
    refresh.refresh(path)
    return path


@pytest.fixture(scope="module")
def notebook(stored: Path) -> Notebook:
    return Notebook.read(stored)


def replace(path: Path, old: str, new: str) -> None:
    """Changes the text of a file, once."""
    content = path.read_text(encoding="utf-8")
    assert content.count(old) == 1, f"{old!r} is not once in {path.name}"
    path.write_text(content.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def outcomes(stored: Path) -> dict[str, str]:
    """What each test of the damaged copy says: nothing if it passed, else its message."""
    root = stored.parent.parent
    shutil.copytree(ROOT / "course_lib", root / "course_lib")
    (root / "tests").mkdir()
    shutil.copy(ROOT / "tests" / PROOF, root / "tests")
    shutil.copy(ROOT / "tests" / "conftest.py", root / "tests")
    shutil.copy(ROOT / "pyproject.toml", root)
    replace(root / FORMULA, *SIGN)
    replace(stored.parent / "explorer_of_a_point.py", *CALLBACK)
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


def test_only_the_damaged_cells_fail(outcomes: dict[str, str]) -> None:
    cells = {name: bool(text) for name, text in outcomes.items() if "Cell" in name}
    assert list(cells.values()) == [False, True, True, True, True], cells


def cell(outcomes: dict[str, str], place: int) -> str:
    return [text for name, text in outcomes.items() if "Cell" in name][place]


def test_a_changed_number_is_seen(outcomes: dict[str, str]) -> None:
    assert "0.334 nats" in cell(outcomes, NUMBERED)
    assert "0.333 nats" in cell(outcomes, NUMBERED)


def test_a_flipped_sign_is_seen_by_verify(outcomes: dict[str, str]) -> None:
    assert "VerificationError" in cell(outcomes, VERIFIED)
    assert "equation 4.3: library gives" in cell(outcomes, VERIFIED)


def test_a_flipped_sign_is_seen_by_its_test(outcomes: dict[str, str]) -> None:
    proofs = {name: text for name, text in outcomes.items() if "both_kinds" in name}
    assert len(proofs) == 4
    assert all(proofs.values())  # every pair's widths are compared by it


def test_a_broken_callback_is_seen(outcomes: dict[str, str]) -> None:
    assert "name 'heigth' is not defined" in cell(outcomes, EXPLORED)
    assert "explorer" in cell(outcomes, MOVED)


def altered(notebook: Notebook, change: Callable[[list[dict[str, Any]]], None]) -> set[str]:
    """The faults that a change to the code cells brings."""
    raw = copy.deepcopy(notebook.raw)
    change([c for c in raw["cells"] if c["cell_type"] == "code"])
    return set(faults(Notebook(notebook.number, raw))) - set(faults(notebook))


def strip(cells: list[dict[str, Any]]) -> None:
    for c in cells:
        c["outputs"], c["execution_count"] = [], None


def junk(cells: list[dict[str, Any]]) -> None:
    cells[EXPLORED]["outputs"][0]["data"]["image/png"] = base64.b64encode(b"no picture").decode()


def narrow(cells: list[dict[str, Any]]) -> None:
    cells[EXPLORED]["outputs"][0]["metadata"]["image/png"]["width"] = 640


def mute(cells: list[dict[str, Any]]) -> None:
    cells[EXPLORED]["outputs"][0]["data"]["text/plain"] = "<Figure>"


def wordless(cells: list[dict[str, Any]]) -> None:
    del cells[EXPLORED]["outputs"][0]["metadata"]["image/png"]["alt"]


def nameless(cells: list[dict[str, Any]]) -> None:
    del cells[EXPLORED]["outputs"][0]["metadata"]["image/png"]["explorer"]


def stray(cells: list[dict[str, Any]]) -> None:
    cells[EXPLORED]["source"] = "explorer = Height().opened(height=0.2)\nexplorer"


def state(cells: list[dict[str, Any]]) -> None:
    cells[EXPLORED]["outputs"][0]["data"]["application/vnd.jupyter.widget-view+json"] = {}


def again(cells: list[dict[str, Any]]) -> None:
    cells[NUMBERED]["execution_count"] = 9


def warn(cells: list[dict[str, Any]]) -> None:
    cells[MOVED]["outputs"] = [{"output_type": "stream", "name": "stderr", "text": "careful"}]


def fail(cells: list[dict[str, Any]]) -> None:
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
    cells[MOVED]["outputs"] = [error]


def ignore(cells: list[dict[str, Any]]) -> None:
    cells[MOVED]["metadata"]["tags"] = ["nbval-ignore-output"]


def comment(cells: list[dict[str, Any]]) -> None:
    cells[MOVED]["source"] = "# NBVAL_SKIP\n1"


def silence(cells: list[dict[str, Any]]) -> None:
    cells[MOVED]["source"] = "explorer.at(height=0.2);"


def leak(cells: list[dict[str, Any]]) -> None:
    cells[NUMBERED]["outputs"][0]["text"] = "<object at 0x7f0123456789>"


def ramble(cells: list[dict[str, Any]]) -> None:
    cells[MOVED]["source"] = "\n".join(f"x = {i}" for i in range(26))


def pile(cells: list[dict[str, Any]]) -> None:
    """More imports than lines are allowed, which do not count, and 113 lines, which do."""
    cells[MOVED]["source"] = "import math\n" * 200 + "\n".join(f"x = {i}" for i in range(113))


def hide(cells: list[dict[str, Any]]) -> None:
    cells[MOVED]["source"] = "def a(): ...\ndef b(): ...\ndef c(): ..."


def move(cells: list[dict[str, Any]]) -> None:
    """As stored, but for the explorer's home."""
    cells[0]["source"] = IMPORTS.replace("explorer_of_a_point", "course_lib.explorers.point")


def hand_on(cells: list[dict[str, Any]]) -> None:
    move(cells)
    cells[MOVED]["source"] = "mine = [explorer]"


def look(cells: list[dict[str, Any]]) -> None:
    move(cells)
    cells[MOVED]["source"] = "print(f'{explorer.numbers}')"


def rename(cells: list[dict[str, Any]]) -> None:
    cells[MOVED]["source"] = "print(q.mean)"
    cells[NUMBERED]["source"] = "for q in range(3):\n    q += 1"


def share(cells: list[dict[str, Any]]) -> None:
    cells[MOVED]["source"] = "one, rng = 1, torch.Generator().manual_seed(one := 2)"
    cells[NUMBERED]["source"] = "draws = [torch.rand(1, generator=rng) for one in range(3)]"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (strip, "cell 3: execution count None, expected 1"),
        (again, "cell 7: execution count 9, expected 5"),
        (junk, "cell 5: a picture that does not decode"),
        (narrow, "cell 5: a picture 1600 pixels wide, expected twice the shown 640"),
        (mute, "cell 5: a picture whose alternative text is '<Figure>'"),
        (wordless, "cell 5: a picture whose alternative text is ''"),
        (nameless, "cell 5: an explorer's picture that does not say which, or where"),
        (stray, "cell 5: an explorer whose height stands at 0.5"),
        (state, "cell 5: output of type application/vnd.jupyter.widget-view+json"),
        (warn, "cell 6: output on stderr"),
        (fail, "cell 6: an error without the tag raises-exception"),
        (ignore, "cell 6: tag 'nbval-ignore-output'"),
        (comment, "cell 6: a comment steers nbval"),
        (silence, "cell 6: a trailing semicolon"),
        (leak, "cell 7: '0x7f0123456789' is a path or an address of one machine"),
        (ramble, "cell 6: 26 lines of code, at most 25 are allowed"),
        (pile, "122 lines of code beside the imports, at most 111 are allowed"),
        (hide, "definitions outside the exercises: a, b, c"),
        (move, "cell 6: explorer.at, and explorer is the reader's explorer"),
        (hand_on, "cell 6: explorer, and explorer is the reader's explorer"),
        (look, "cell 6: explorer.numbers, and explorer is the reader's explorer"),
        (rename, "cell 6: reads 'q', which the cells 4 and 7 set"),
        (share, "cell 7: draws from 'rng', the generator of cell 6"),
    ],
)
def test_a_broken_rule_is_named(
    notebook: Notebook, change: Callable[[list[dict[str, Any]]], None], fault: str
) -> None:
    faults = altered(notebook, change)
    assert any(found.startswith(fault) for found in faults), faults


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"version": "3.13.1"}, "language_info tells of one machine's Python"),
        ({"file_extension": None}, "language_info has no file_extension"),
    ],
)
def test_a_language_that_is_wrongly_told_is_named(
    notebook: Notebook, change: dict[str, str | None], fault: str
) -> None:
    raw = copy.deepcopy(notebook.raw)
    told = raw["metadata"]["language_info"] | change
    raw["metadata"]["language_info"] = {k: v for k, v in told.items() if v is not None}
    assert set(faults(Notebook(notebook.number, raw))) - set(faults(notebook)) == {fault}


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


def test_names_of_one_cell_are_its_own(notebook: Notebook) -> None:
    """A loop's, a function's and a comprehension's names, and what a cell sets before it reads."""

    def change(cells: list[dict[str, Any]]) -> None:
        cells[VERIFIED]["source"] = "x, rng = 1, torch.Generator()\ndef f(x): return x"
        cells[EXPLORED]["source"] = "x = [x for x in range(3)]\nprint(x, lambda x: x)"
        cells[MOVED]["source"] = "rng = torch.Generator()\ntorch.rand(1, generator=rng)"
        cells[NUMBERED]["source"] = "from course_lib.checks import verify\nverify, f(1)"

    rules = ("reads", "draws from")
    assert not [f for f in altered(notebook, change) if any(rule in f for rule in rules)]


def test_a_missing_section_is_named(notebook: Notebook) -> None:
    found = faults(notebook)
    for section in ("Explore", "What goes wrong", "Exercises", "Recap"):
        assert f"no heading that starts with {section!r}" in found
    assert "no heading that starts with 'Predict'" not in found
    assert "no '**Insight' block with its '**Verdict'" in found  # chapter 9 has one
    assert "0 exercises, expected three or four" in found


EXERCISE = """answer = ...
check("1.a", answer)"""
SOLUTION = """<details><summary>Solution</summary>

```python
answer = {}
```

</details>"""


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


# ---- The second edition ----


def picture() -> str:
    """Two pixels, as a notebook stores them."""
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def printed(said: str) -> list[dict[str, Any]]:
    return [{"output_type": "stream", "name": "stdout", "text": said}]


def shown() -> list[dict[str, Any]]:
    """An explorer's picture."""
    about = {"width": 1, "height": 1, "alt": "The point lies here.", "note": "a note"}
    about |= {"explorer": "Point", "values": {"height": 0.5}}
    data = {"image/png": picture(), "text/plain": about["alt"]}
    return [{"output_type": "display_data", "data": data, "metadata": {"image/png": about}}]


SECOND: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "title": (
        "md",
        "# 13 · A question\n\n**The question.** What? After this chapter you can tell.\n\n"
        "*About 25 minutes; Going deeper, at the end, about 5 more.*",
        [],
    ),
    "opening": (
        "hidden",
        "from course_lib.explorers.point import Point\n\nexplorer = Point()\nexplorer",
        shown(),
    ),
    "predict": ("md", "The point is a point.\n\n## Predict\n\nCommit to an answer.", []),
    "imports": ("hidden", "from course_lib.checks import guess, reveal, verify", []),
    "guesses": (
        "code",
        'guess("13.1", ...)  # one?\nguess("13.2", ...)  # two?',
        printed("13.1: no guess yet\n13.2: no guess yet\n"),
    ),
    "section": ("md", "## One\n\nOne is one:\n\n$$1=1. \\tag{13.1}$$", []),
    "see": (
        "code",
        'a = 1.0\nverify("13.1", one=a, other=a)\nreveal("13.1", 1)\nreveal("13.2", "no")',
        printed("13.1: 1\n13.2: no\n"),
    ),
    "figure": ("hidden", "figure = new_figure(1, 1)", []),
    "explore": ("md", "## Explore\n\n> **Try.** Move it.", []),
    "wrong": ("md", "## What goes wrong\n\nMuch.", []),
    "exercises": ("md", "## Exercises\n\n" + " ".join(f'`hint("13.{x}")`' for x in "abcd"), []),
    **{
        f"{kind} {x}": (
            ("code", f'y = ...\ncheck("13.{x}", y)', printed(f"13.{x}: not answered yet\n"))
            if kind == "exercise"
            else ("md", SOLUTION.format(1.0), [])
        )
        for x in "abcd"
        for kind in ("exercise", "solution")
    },
    "recap": ("md", "## Recap\n\nOne is one.", []),
    "deeper": ("deeper", "## Going deeper: two\n\nTwo is two.", []),
    "more": ("code", "b = 2.0", []),
    "basis": ("hidden", f"{BASIS}\n\nc = 1.0\nassert c == 1", []),
}
METADATA: dict[str, dict[str, Any]] = {"hidden": {"jupyter": FOLDED}, "deeper": {CLOSED: True}}
Cells = dict[str, Any]


def second_edition() -> Cells:
    """Each cell of a small notebook of the second edition, by a name for it."""
    cells: Cells = {}
    for name, (kind, source, outputs) in SECOND.items():
        told = copy.deepcopy(METADATA.get(kind, {}))
        if kind in ("md", "deeper"):
            cells[name] = new_markdown_cell(source, metadata=told)
        else:
            output = [nbformat.from_dict(each) for each in copy.deepcopy(outputs)]
            cells[name] = new_code_cell(source, metadata=told, outputs=output)
    return cells


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chapter 13 is one of the second edition, and has four exercises with two hints each."""
    monkeypatch.setattr("notebook_rules.SECOND_EDITION", {13})
    for letter in "abcd":
        exercise = Exercise(f"13.{letter}", lambda: 1.0, hints=("One.", "Two."))
        monkeypatch.setitem(EXERCISES, exercise.name, exercise)


def faults_of(cells: Cells) -> list[str]:
    """What the rules find in the cells, run in order."""
    code = [cell for cell in cells.values() if cell["cell_type"] == "code"]
    for count, cell in enumerate(code, start=1):
        cell["execution_count"] = count
    made = new_notebook(cells=list(cells.values()), metadata=refresh.METADATA)
    return faults(Notebook(13, made))


def place(name: str) -> int:
    return list(SECOND).index(name) + 1


def add(name: str, source: str) -> Callable[[Cells], None]:
    """Writes more into a cell."""

    def change(cells: Cells) -> None:
        cells[name]["source"] += source

    return change


def turn(name: str, old: str, new: str) -> Callable[[Cells], None]:
    """Writes something else into a cell."""

    def change(cells: Cells) -> None:
        assert cells[name]["source"].count(old) == 1
        cells[name]["source"] = cells[name]["source"].replace(old, new)

    return change


def unfold(name: str) -> Callable[[Cells], None]:
    def change(cells: Cells) -> None:
        cells[name]["metadata"] = {}

    return change


def lengthen(cells: Cells) -> None:
    """Long cells, each short enough, so that the core has one line too many."""
    for name, lines in (("guesses", 23), ("see", 21), ("exercise a", 23), ("exercise b", 10)):
        cells[name]["source"] += "\nx = 1" * lines


def answer_first(cells: Cells) -> None:
    cells["guesses"]["outputs"] = printed("13.1: noted, 3\n13.2: no guess yet\n")
    cells["guesses"]["source"] = cells["guesses"]["source"].replace('"13.1", ...', '"13.1", 3')


def answered_output(cells: Cells) -> None:
    cells["guesses"]["outputs"] = printed("13.1: noted, 3\n")


def drop(*names: str) -> Callable[[Cells], None]:
    def change(cells: Cells) -> None:
        for name in names:
            del cells[name]

    return change


def tell(cells: Cells, minutes: int) -> None:
    cells["title"]["source"] = cells["title"]["source"].replace("25", str(minutes))


def ramble_on(cells: Cells) -> None:
    cells["wrong"]["source"] += " word" * 1_700
    tell(cells, 30)


def drop_one(cells: Cells) -> None:
    drop("exercise d", "solution d")(cells)
    tell(cells, 20)


def late(cells: Cells) -> None:
    """An exercise that only who goes deeper comes to."""
    for name in ("exercise d", "solution d", "basis"):
        cells[name] = cells.pop(name)
    tell(cells, 20)


def come_back(cells: Cells) -> None:
    cells["again"], cells["basis"] = new_markdown_cell("## Again"), cells.pop("basis")


def close_more(cells: Cells) -> None:
    cells["recap"]["metadata"] = {CLOSED: True}


def one_hint(cells: Cells) -> None:
    EXERCISES["13.b"] = Exercise("13.b", lambda: 1.0, hints=("One.",))


@pytest.mark.usefixtures("listed")
def test_a_notebook_of_the_second_edition_can_keep_all_rules() -> None:
    assert faults_of(second_edition()) == []


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (ramble_on, "1754 words in the core, at most 1700 are allowed"),
        (lengthen, "91 visible lines of code in the core, at most 90 are allowed"),
        (
            turn("title", "*About 25 minutes; Going deeper, at the end, about 5 more.*", "minutes"),
            "the title cell must say '*About 25 minutes; Going deeper, at the end, about 5 more.*'",
        ),
        (turn("title", "25 minutes", "20 minutes"), "the title cell must say '*About 25 minutes"),
        (add("section", r" $$2=2. \tag{13.2}$$" * 3), "the title cell must say '*About 30 minutes"),
        (
            add("deeper", " word" * 1_500),
            "the title cell must say '*About 25 minutes; Going deeper",
        ),
        (add("see", "\nassert a == 1"), f"cell {place('see')}: an assert that is seen"),
        (add("more", "\nassert b == 2"), f"cell {place('more')}: an assert that is seen"),
        (unfold("figure"), f"cell {place('figure')}: code that draws and is not folded"),
        (
            add("see", "\nplots.panels(a)"),
            f"cell {place('see')}: code that draws and is not folded",
        ),
        (unfold("opening"), f"cell {place('opening')}: explorer, an explorer, in visible code"),
        (
            add("imports", '\nverify("13.1", a=1, b=1)' * 6),
            "7 verify lines in the core, at most 6 are allowed",
        ),
        (unfold("deeper"), f"cell {place('deeper')}: a heading without the metadata {CLOSED}"),
        (turn("deeper", "per: two", "per"), f"cell {place('deeper')}: must begin with"),
        (come_back, f"cell {place('basis')}: a heading of the core after 'Going deeper'"),
        (close_more, f"cell {place('recap')}: metadata ['{CLOSED}']"),
        (turn("basis", BASIS, "# Checks"), "the last cell must be folded code that begins with"),
        (drop("basis"), "the last cell must be folded code that begins with"),
        (add("basis", "\nassert b == 2"), f"cell {place('basis')}: takes 'b' from cell"),
        (drop_one, "the exercises are 13.a, 13.b, 13.c; expected 13.a, 13.b, 13.c, 13.d"),
        (late, "an exercise after 'Going deeper'"),
        (one_hint, "exercise 13.b has 1 hints, expected two"),
        (turn("exercises", '"13.c"', ""), 'exercise 13.c: nothing says hint("13.c")'),
        (add("see", '\nhint("13.a")'), f"cell {place('see')}: calls hint"),
        (turn("see", 'reveal("13.2", "no")', ""), "guess 13.2: asked and revealed in the cells"),
        (add("see", '\nreveal("13.2", "no")'), "guess 13.2: asked and revealed in the cells"),
        (add("imports", '\nreveal("13.3", 1)'), "guess 13.3: asked and revealed in the cells"),
        (answer_first, f"cell {place('guesses')}: a guess that is stored with an answer"),
        (answered_output, f"cell {place('guesses')}: a guess that is stored with an answer"),
    ],
)
def test_a_broken_rule_of_the_second_edition_is_named(
    change: Callable[[Cells], None], fault: str
) -> None:
    cells = second_edition()
    change(cells)
    found = set(faults_of(cells))
    assert len(found) == 1, found
    assert found.pop().startswith(fault)


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


@pytest.mark.usefixtures("listed")
def test_refresh_keeps_what_is_closed_at_first() -> None:
    cells = second_edition()
    cells["deeper"]["metadata"]["slideshow"] = {}
    made = new_notebook(cells=list(cells.values()))
    refresh.normalise(made)
    kept = [dict(cell.metadata) for cell in made.cells if cell.metadata]
    assert kept == [METADATA["hidden"]] * 3 + [METADATA["deeper"], METADATA["hidden"]]


def test_a_notebook_is_measured_by_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notebook_rules.SECOND_EDITION", set())
    status = measure(["12"])
    first, core, rest, *told = capsys.readouterr().out.splitlines()
    assert first.startswith("12_")
    assert re.search(r"core +\d+ words, +\d+ visible lines of code, .*: about \d+ minutes", core)
    assert "rest" in rest
    assert status == (told != ["  keeps the rules"])


@pytest.mark.usefixtures("listed")
def test_what_is_folded_may_be_long() -> None:
    """The last cell, and code beside the core's, as the first edition does not allow."""
    cells = second_edition()
    cells["basis"]["source"] += "\nc = 1" * 100
    cells["figure"]["source"] += "\nd = 1" * 24
    assert faults_of(cells) == []
    cells["figure"]["source"] += "\nd = 1"
    assert faults_of(cells) == [f"cell {place('figure')}: 26 lines of code, at most 25 are allowed"]


@pytest.mark.usefixtures("listed")
def test_a_remark_in_a_solution_is_no_heading() -> None:
    cells = second_edition()
    fence = "<details><summary>Why</summary>\n\n```python\n# why\n```\n\n</details>"
    cells["why"], cells["basis"] = new_markdown_cell(fence), cells.pop("basis")
    assert faults_of(cells) == []


@pytest.mark.usefixtures("listed")
def test_a_claim_of_the_note_keeps_its_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notebook_rules.INSIGHTS", {13})
    cells = second_edition()
    assert faults_of(cells) == ["no 'A common claim' block with its '**Verdict'"]
    cells["wrong"]["source"] += "\n\n### A common claim\n\n> So.\n\n**Verdict: it holds.**"
    assert faults_of(cells) == []
