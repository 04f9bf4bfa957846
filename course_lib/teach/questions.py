"""The exam questions of the teacher's kit, read from its pages, notebooks/teaching/01.md and on.

A question has a heading, "### 4-B · The ledger"; what it needs from a part that goes deeper, if
anything; its words; and a table, whose rows are variants and whose columns in bold print are the
answers, or tasks, "*Task a.* …". What stands behind "**Answer.**" is not read.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from course_lib.index import ROOT

NAME = re.compile(r"(\d{1,2})-([A-Z])(?::([a-z]))?")
NEEDS = re.compile(r"\*Needs (.*?)\*\s*", re.S)
TASK = re.compile(r"\*Task ([a-z])\.\*\s*")


@dataclass(frozen=True)
class Question:
    """One exam question.

    needs: tags of equations, such as "4.3"; heads: of its columns, the bold ones without their
    stars; asked: for each column whether it is an answer; rows, tasks: by their letter.
    """

    name: str
    title: str
    needs: list[str]
    words: str
    heads: list[str]
    asked: list[bool]
    rows: dict[str, list[str]]
    tasks: dict[str, str]


def read_questions(chapter: int, root: Path = ROOT) -> dict[str, Question]:
    """The questions of a chapter's page, by name, in order.

    Raises FileNotFoundError where the kit is not beside the package, ValueError if there is no such
    chapter.
    """
    folder = root / "notebooks" / "teaching"
    if not folder.is_dir():
        raise FileNotFoundError(f"exam questions stand in {folder}, which is not there")
    pages = {int(page.stem): page for page in sorted(folder.glob("[0-9][0-9].md"))}
    if chapter not in pages:
        there = f"there are {min(pages)} to {max(pages)}" if pages else f"{folder} has no pages"
        raise ValueError(f"chapter {chapter}: {there}")
    text = pages[chapter].read_text(encoding="utf-8")
    exam = text.partition("\n## Exam questions\n")[2].partition("\n## ")[0]
    found = [_question(part) for part in re.split(r"^### ", exam, flags=re.MULTILINE)[1:]]
    return {question.name: question for question in found}


def chosen(names: list[str], root: Path = ROOT) -> list[tuple[Question, str]]:
    """The questions of names such as "4-A", and of each the task that is asked for, as in "8-C:b".

    The task is the first one if none is named, and "" of a question that has none. Raises
    ValueError for a name that no question has, or a task.
    """
    found = []
    for name in names:
        parts = NAME.fullmatch(name)
        if not parts:
            raise ValueError(f"{name!r} is no question's name, such as 4-A, or 8-C:b for a task")
        asked = read_questions(int(parts[1]), root)
        question = asked.get(f"{parts[1]}-{parts[2]}")
        if question is None:
            raise ValueError(f"{name}: chapter {parts[1]} has {', '.join(asked)}")
        task = parts[3] or next(iter(question.tasks), "")
        if task and task not in question.tasks:
            tasks = ", ".join(question.tasks) or "none; --variant chooses its row"
            raise ValueError(f"{name}: the tasks of {question.name} are {tasks}")
        found.append((question, task))
    return found


def _question(part: str) -> Question:
    heading, _, rest = part.partition("\n")
    name, _, title = heading.partition(" · ")
    words = rest.partition("**Answer.**")[0]
    needs = NEEDS.search(words)
    tags = re.findall(r"\((\d+\.\d+)\)", needs[1]) if needs else []
    lines = NEEDS.sub("", words).splitlines()
    table = [_cells(line) for line in lines if line.startswith("|")]
    prose = "\n".join(line for line in lines if not line.startswith("|")).strip()
    opening, *tasks = TASK.split(prose)
    heads = table[0][1:] if table else []
    return Question(
        name=name,
        title=title.strip(),
        needs=tags,
        words=opening.strip(),
        heads=[head.strip("*") for head in heads],
        asked=[head.startswith("**") for head in heads],
        rows={row[0]: row[1:] for row in table[2:]},
        tasks=dict(zip(tasks[::2], map(_line, tasks[1::2]), strict=True)),
    )


def _line(words: str) -> str:
    return " ".join(words.split())


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
