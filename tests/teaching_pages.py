"""The pages of notebooks/teaching, read: their plans, links, questions, and what they name.

Each rule gives the faults it finds in a page's Markdown.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from notebook_rules import FOLDER, Notebook, page_faults, without_code

from course_lib.edition import EXPLORERS
from course_lib.exercises import EXERCISES
from course_lib.index import calls
from course_lib.teach.notebooks import chapter_path

TEACHING = FOLDER / "teaching"
SECTIONS = [
    *("45 minutes", "Three misconceptions", "On the board", "If they ask"),
    *("Exam questions", "For home"),
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TAG = re.compile(r"\((\d+\.\d+)\)")
EXERCISE = re.compile(r"(?<![\w.])\d+\.[a-d]\b(?!\w)")
GUESS = re.compile(r"\bguess (\d+\.\d+)")
QUESTION = re.compile(r"\b\d+-[A-C]\b")
NUMBER = re.compile(r"−?\d[\d,]*\.\d+")
MINUTES = re.compile(r"^\| (\d+) \|", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """An exam question: its name, its table (heads, then rows) if it has one, and its answer.

    needs: what it says that it needs from a part that goes deeper, such as "*Needs (4.3).*".
    """

    name: str
    heads: list[str]
    rows: list[list[str]]
    answer: str
    needs: str = ""

    @property
    def asked(self) -> list[int]:
        """The columns that hold answers: those in bold print."""
        return [i for i, head in enumerate(self.heads) if head.startswith("**")]

    @property
    def given(self) -> list[int]:
        """The columns that hold what is given."""
        return [i for i in range(1, len(self.heads)) if i not in self.asked]


@cache
def notebook(number: int) -> Notebook:
    path = chapter_path(number)
    return Notebook.read(path)


@cache
def anchors(path: Path) -> set[str]:
    """Where a link into a notebook may lead, as JupyterLab names headings."""
    prose = Notebook.read(path).prose
    return {words.replace(" ", "-") for words in re.findall(r"^#{1,6} (.*)$", prose, re.MULTILINE)}


@cache
def said(number: int) -> str:
    """All that a notebook says and prints."""
    shown = [cell.source for cell in notebook(number).cells]
    for cell in notebook(number).code:
        for output in cell.outputs:
            parts = [output.get("text", ""), *output.get("data", {}).values()]
            shown += ["".join(part) for part in parts if isinstance(part, (str, list))]
            shown.append(str(output.get("metadata", {})))
    return "\n".join(shown).replace("-", "−")


def section(page: str, name: str) -> str:
    """What stands under a heading of the second level; nothing if there is none."""
    found = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def number_in(cell: str) -> float:
    return float(cell.replace("−", "-").replace(",", ""))


def questions(page: str) -> list[Question]:
    found = []
    for part in re.split(r"^### ", section(page, "Exam questions"), flags=re.MULTILINE)[1:]:
        lines = [line for line in part.splitlines() if line.startswith("|")]
        heads, rows = (cells(lines[0]), lines[2:]) if lines else ([], [])
        answer = part.partition("**Answer.**")[2]
        needs = re.search(r"^\*Needs .*?\*", part, re.MULTILINE)
        name, given = part.split(" ")[0], needs[0] if needs else ""
        found.append(Question(name, heads, [cells(row) for row in rows], answer, given))
    return found


def written(value: Any, like: str) -> str:
    """An answer with as many digits as the page prints of it."""
    if isinstance(value, str):
        return value
    digits = len(like.partition(".")[2])
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-" if number_in(text) == 0 else "").replace("-", "−")


def plan_faults(page: str, number: int) -> Iterator[str]:
    """Its parts are there, its minutes are 45, every guess is asked, three notions are shown."""
    headings = re.findall(r"^## (.*)$", page, re.MULTILINE)
    if headings != SECTIONS:
        yield f"its parts are {headings}"
    minutes = sum(map(int, MINUTES.findall(section(page, "45 minutes"))))
    if minutes != 45:
        yield f"its plan takes {minutes} minutes"
    for cell in notebook(number).code:
        for call in calls(cell.tree, "guess"):
            name = ast.literal_eval(call.args[0])
            if name not in GUESS.findall(page):
                yield f"guess {name} is not asked"
    shown = re.findall(r"^\d\. \*\*.*?(?=^\d\. |\Z)", section(page, SECTIONS[1]), re.DOTALL | re.M)
    led = [f"{notebook_file(number)}#" in each for each in shown]
    if led != [True] * 3:
        yield f"of its misconceptions {sum(led)} of {len(led)} lead to a cell"


def notebook_file(number: int) -> str:
    return chapter_path(number).name


def link_faults(page: str, folder: Path = TEACHING) -> Iterator[str]:
    for address in LINK.findall(without_code(page)):
        if address.startswith("https:"):
            continue
        file, _, anchor = address.partition("#")
        path = (folder / file).resolve()
        if not path.exists():
            yield f"a link to {file}, which is not there"
        elif anchor and unquote(anchor) not in anchors(path):
            yield f"a link to {unquote(anchor)!r}, which is no section of {path.name}"


def name_faults(page: str, equations: set[str]) -> Iterator[str]:
    """Equations, guesses and exercises that are named exist."""
    prose = without_code(page)
    yield from (f"({tag}) is no equation" for tag in TAG.findall(prose) if tag not in equations)
    yield from (f"{name} is no exercise" for name in EXERCISE.findall(prose) if not known(name))
    for name in GUESS.findall(prose):
        asked = [c for cell in notebook(int(name.split(".")[0])).code for c in cell_guesses(cell)]
        if name not in asked:
            yield f"guess {name} is not asked in its notebook"


def cell_guesses(cell: Any) -> list[str]:
    return [ast.literal_eval(call.args[0]) for call in calls(cell.tree, "guess")]


def known(exercise: str) -> bool:
    return exercise in EXERCISES


def explorer_faults(page: str, number: int | None = None) -> Iterator[str]:
    """Explorers that are made in code spans exist, in the chapter, and can stand where they are."""
    for code in re.findall(r"`([A-Z]\w+\(.*?\)(?:\.\w+\(.*?\))?)`", page, re.DOTALL):
        call = ast.parse(" ".join(code.split()), mode="eval").body
        made = call
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            made = call.func.value
            if call.func.attr != "opened":
                yield f"{code}: an explorer is opened, not {call.func.attr!r}"
        assert isinstance(call, ast.Call)
        assert isinstance(made, ast.Call)
        name = ast.unparse(made.func)
        if name not in EXPLORERS:
            yield f"{name} is no explorer"
        elif number and name not in said(number):
            yield f"{name} is not in notebook {number}"
        elif call is not made:
            yield from state_faults(name, call)


def state_faults(name: str, call: ast.Call) -> Iterator[str]:
    controls = {control.name: control for control in EXPLORERS[name].controls}
    for key in call.keywords:
        value = ast.literal_eval(key.value)
        if key.arg not in controls:
            yield f"{name} has no control {key.arg!r}"
            continue
        try:
            controls[key.arg].check(value)
        except ValueError as error:
            yield f"{name}: {error}"


def number_faults(page: str, number: int) -> Iterator[str]:
    """Decimals that a page quotes outside its questions stand in the notebook."""
    quoting = "".join(section(page, name) for name in SECTIONS[:4])
    prose = without_code(LINK.sub("", quoting))
    for pattern in (TAG, EXERCISE, GUESS):
        prose = pattern.sub("", prose)
    for found in NUMBER.findall(prose):
        if not re.search(rf"(?<![\d.,]){re.escape(found)}(?!\d)", said(number)):
            yield f"{found} is not in notebook {number}"


def guess_faults(page: str, number: int) -> Iterator[str]:
    """Each guess is asked in a few words, with brackets to vote for, and answered."""
    for name in (name for cell in notebook(number).code for name in cell_guesses(cell)):
        words = rf'\bguess {re.escape(name)} "([^"]+)" \([^)]+/[^)]+\)'
        asked = re.search(words, page)
        if not asked:
            yield f"guess {name} is not quoted with its brackets"
        elif len(asked[1].split()) > 16:
            yield f"guess {name} is quoted at length"
        if not re.search(rf'\bguess {re.escape(name)}(?: "[^"]+" \([^)]+\))?: ', page):
            yield f"guess {name} is not answered"


def deeper_faults(page: str, number: int) -> Iterator[str]:
    """What a question takes from a part that goes deeper it says that it needs."""
    _, *closed = re.split(r"^## Going deeper", notebook(number).prose, flags=re.MULTILINE)
    tags = {tag for part in closed for tag in re.findall(r"\\tag\{([\d.]+)\}", part)}
    for question in questions(page):
        for tag in sorted(set(TAG.findall(question.answer)) & (tags | {"4.3"})):
            if f"({tag})" not in question.needs:
                yield f"{question.name} does not say that it needs ({tag})"


def question_faults(page: str, number: int) -> Iterator[str]:
    """Two or three, in order, each with an answer; numbers of an answer stand in its table."""
    found = questions(page)
    names = [question.name for question in found]
    if names not in ([f"{number}-{letter}" for letter in "ABC"[:count]] for count in (2, 3)):
        yield f"its questions are {names}"
    for question in found:
        if not question.answer.strip():
            yield f"{question.name} has no answer"
        if NUMBER.search(TAG.sub("", question.answer)):
            yield f"{question.name}: a number in the answer's words, where no test reads it"
        if question.heads and [row[0] for row in question.rows] != list("abc"):
            yield f"{question.name} has the variants {[row[0] for row in question.rows]}"
        if not question.heads and question.answer.count("*") < 2:
            yield f"{question.name} has no variants"


def answer_faults(question: Question, answers: Any) -> Iterator[str]:
    """What a table prints, held to the answers computed from what the row gives."""
    for row in question.rows:
        computed = answers(*(number_in(row[i]) for i in question.given))
        wanted = [written(v, row[i]) for v, i in zip(computed, question.asked, strict=True)]
        printed = [row[i] for i in question.asked]
        if printed != wanted:
            yield f"{question.name} {row[0]}: {printed}, computed {wanted}"


def formula_faults(page: str) -> Iterator[str]:
    yield from page_faults(page)
