"""A sheet of exam questions to print: one HTML file, without answers.

    python -m course_lib.teach exam 4 --variant a --out sheets
    python -m course_lib.teach exam --questions 2-A,3-B,8-C:b --variant a --out sheets

Questions come from the pages of the teacher's kit: see `questions`. Of a table the sheet has the
variant's row, and the columns of its answers empty, to be filled in. An equation that a question
needs from a part that goes deeper is printed with it, from its notebook. Formulas need what the
pages need.
"""

import html
import re
from pathlib import Path

from course_lib.checkpoint import write_whole
from course_lib.index import ROOT, notebook_paths, text
from course_lib.teach.questions import Question, chosen, read_questions

STYLE = Path(__file__).resolve().parent / "player" / "exam.css"


def exam(chapters: list[int], names: list[str], variant: str, out: Path, root: Path = ROOT) -> Path:
    """Writes the sheet of all questions of the chapters, and of those named; returns the file.

    names: such as "4-A"; "8-C:b" for its task b, the first one if none is said. out: the folder,
    made if need be. Raises ValueError if nothing is asked for, or for a chapter, a name or a
    variant that is not there; OSError where there are no pages, or the file cannot be written;
    ModuleNotFoundError without the packages of the pages.
    """
    asked = [name for chapter in chapters for name in read_questions(chapter, root)]
    asked = [*dict.fromkeys([*asked, *names])]  # each once
    if not asked:
        raise ValueError("no question: name a chapter, or --questions 4-A,4-B")
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file, and no folder")
    questions = chosen(asked, root)
    parts = [markdown(question, task, variant, root) for question, task in questions]
    short = [name.replace("-", "").replace(":", "") for name in asked]
    drawn = _drawn(f"Questions {', '.join(q.name for q, _ in questions)}", variant, parts)
    file = out / f"exam-{'-'.join(short)}-{variant}.html"
    write_whole(file, drawn.encode())
    return file


def markdown(question: Question, task: str, variant: str, root: Path = ROOT) -> str:
    """What the sheet has of one question, as Markdown: no answer is in it.

    Raises ValueError if its table has no such row.
    """
    parts = [f"## {question.name} · {question.title}", question.words]
    if task:
        parts.append(question.tasks[task])
    if question.rows:
        if variant not in question.rows:
            there = ", ".join(question.rows)
            raise ValueError(f"{question.name} has the variants {there}, and not {variant!r}")
        cells = zip(question.rows[variant], question.asked, strict=True)
        row = ["" if asked else cell for cell, asked in cells]
        rows = [question.heads, ["---:"] * len(row), row]
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    parts += [f"Given:\n\n{equation(tag, root)}" for tag in question.needs]
    return "\n\n".join(part for part in parts if part)


def equation(tag: str, root: Path = ROOT) -> str:
    """The displayed equation of that tag, from its notebook, as Markdown.

    Raises ValueError if it is not there.
    """
    from course_lib.edition.stored import stored_cells

    number = f"{int(tag.partition('.')[0]):02d}_"
    of_chapter = (p for p in notebook_paths(root / "notebooks") if p.name.startswith(number))
    for path in of_chapter:
        for cell in stored_cells(path):
            said = re.sub(r"^> ?", "", text(cell["source"]), flags=re.MULTILINE)
            for formula in said.split("$$")[1::2]:
                if rf"\tag{{{tag}}}" in formula:
                    return f"$${formula}$$"
    raise ValueError(f"({tag}) is no displayed equation of a notebook in {root}")


def _drawn(title: str, variant: str, parts: list[str]) -> str:
    """The whole file."""
    # Only here, so that the room opens without the packages of the pages.
    from course_lib.edition.prose import Prose
    from course_lib.edition.shell import stylesheet

    # A page's links lead nowhere from a sheet.
    sections = [re.sub(r"</?a\b[^>]*>", "", Prose().html_of(part)) for part in parts]
    body = "".join(f'<section class="question">\n{section}</section>\n' for section in sections)
    line = f'<p class="who">Name <span></span> Variant {html.escape(variant)}</p>'
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n"
        f"<style>\n{stylesheet()}{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n"
        f'<body class="exam">\n<main>\n<h1>{html.escape(title)}</h1>\n{line}\n{body}</main>\n'
        f"</body>\n</html>\n"
    )
