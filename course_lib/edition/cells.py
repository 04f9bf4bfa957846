"""One notebook's cells → HTML, with the outputs that it stores. Nothing is run.

Code that says where things come from, that draws, or that holds the text to account is folded; what
a reader is meant to read stands open. The routes of `verify` are folded under their verdict.
"""

import ast
import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.arguments import require_count
from course_lib.edition.exercise_cells import answered, exercise, hints_alone, tree
from course_lib.edition.guess_cells import asks_guesses, questions, revealed
from course_lib.edition.palettes import in_palette
from course_lib.edition.prose import Prose, code_block
from course_lib.edition.stored import Cell, stored_cells
from course_lib.edition.words import say
from course_lib.index import SOLUTION, calls, exercise_of, text

# These leave an output.
WRITES = ("verify", "verify_at_most", "check", "show", "print", "display", "table", "reveal")
# JupyterLab drops its own mark of a heading that is closed when all cells are run.
CLOSED = re.compile(r"## Going deeper\b")
DEEPER = 'class="deeper"'  # what a page says of the heading of a part that is closed at first
MEANT = "raises-exception"  # the tag of a cell whose error is part of the text
ROW = re.compile(r"<tr>\s*<td[^>]*>(.*?)</td>", re.S)
# What a page takes over of the HTML that a notebook stores: the tables of `verify` and of `table`.
TABLE = re.compile(r"<table[^>]*>.*</table>", re.S)
PARTS = re.compile(r"</?(?:table|thead|tbody|tr|th|td)>|[^<]+")


def read_cells(path: Path) -> list[Cell]:
    """The notebook's cells.

    Raises ValueError that names the first cell which was not run, whose outputs are gone, or which
    stores an error without the tag that says it is meant to, raises-exception.
    """
    cells = stored_cells(path)
    for place, cell in enumerate(cells, start=1):
        if cell["cell_type"] == "code" and text(cell["source"]).strip():
            try:
                why = _not_run(cell)
            except SyntaxError as error:
                raise ValueError(f"{path.name}: cell {place} is no Python: {error}") from error
            if why:
                number = int(path.name[:2])
                raise ValueError(
                    f"{path.name}: cell {place} {why}; python3 start.py refresh {number} runs it"
                )
    return cells


def _not_run(cell: Cell) -> str:
    """Why the cell cannot be shown, or nothing."""
    if cell.get("execution_count") is None:
        return "was not run"
    errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
    if exercise_of(cell):  # a reader's answer: the page has its own
        return ""
    if errors and MEANT not in cell["metadata"].get("tags", ()):
        return f"stores an error, {errors[0]['ename']}: {errors[0]['evalue']}"
    top = [node for node in tree(cell).body if isinstance(node, ast.Expr)]
    writes = [call for node in top for name in WRITES for call in calls(node, name)]
    if writes and not cell["outputs"]:
        return f"stores no output of {ast.unparse(writes[0].func)}"
    return ""


def nothing_moves(name: str, values: dict[str, Any], sentence: str) -> bool:
    """Of no explorer is there a recording."""
    return False


@dataclass(frozen=True)
class Setting:
    """What the cells' pictures need to know: the chapter's number and notebook, and what is live.

    shown: of an explorer's name, its values and its stored sentence, whether a recording shows just
    that; else the figure stays a picture.
    """

    number: int
    file: str
    shown: Callable[[str, dict[str, Any], str], bool]


def render_cells(cells: list[Cell], prose: Prose, setting: Setting) -> Iterator[str]:
    """Each cell as HTML, in order. Raises ValueError, naming the cell that cannot be shown."""
    asked = ""  # the exercise that came last
    for place, cell in enumerate(cells, start=1):
        prose.cell = place
        try:
            drawn = _cell(cell, prose, setting)
            if cell["cell_type"] == "code" and not hints_alone(cell):
                asked = exercise_of(cell)
            elif asked and drawn.startswith(SOLUTION):
                drawn = answered(drawn, asked)
            yield drawn
        except ValueError as error:
            raise ValueError(f"cell {place}: {error}") from error


def _cell(cell: Cell, prose: Prose, setting: Setting) -> str:
    if cell["cell_type"] != "code":
        drawn = prose.html_of(text(cell["source"]))
        folded = CLOSED.match(text(cell["source"])) and drawn.startswith("<h2 ")
        return drawn.replace("<h2 ", f"<h2 {DEEPER} ", 1) if folded else drawn
    if exercise_of(cell):
        return exercise(cell, setting.number)
    if asks_guesses(cell):
        return questions(cell)
    if hints_alone(cell):  # the exercise's form has its hints
        return ""
    outputs = "".join(render_output(output, setting, cell) for output in cell["outputs"])
    first = fold(cell) in ("code.explorer", "code.figure")  # the picture
    return outputs + code(cell) if first else code(cell) + outputs


def code(cell: Cell) -> str:
    """The cell's code, folded if a reader does not need it."""
    source = text(cell["source"])
    if not source.strip():
        return ""
    why = fold(cell)
    if not why:
        return code_block(source)
    return (
        f'<details class="fold"><summary>{html.escape(say(why))}</summary>\n'
        f"{code_block(source)}</details>\n"
    )


def fold(cell: Cell) -> str:
    """Why the code is folded, as a key of the words; nothing if it stands open."""
    body = tree(cell).body
    imports = [isinstance(node, ast.Import | ast.ImportFrom) for node in body]
    if any("note" in _about_picture(output) for output in cell["outputs"]):
        return "code.explorer"
    if all(imports):
        return "code.imports"
    if calls(tree(cell), "new_figure"):
        return "code.figure"
    asserts = [isinstance(node, ast.Assert) for node in body]
    if any(asserts) and not cell["outputs"]:
        return "code.checks"
    hidden = cell["metadata"].get("jupyter", {}).get("source_hidden")
    return "code" if hidden else ""


def render_output(output: Cell, setting: Setting, cell: Cell | None = None) -> str:
    """What the cell printed, drew or found."""
    if output["output_type"] == "stream":
        return revealed(text(output["text"]), tree(cell) if cell else None)
    if output["output_type"] == "error":
        said = f"{output['ename']}: {output['evalue']}"
        return f'<pre class="printed error scrolls">{html.escape(said)}</pre>\n'
    data = output["data"]
    if "image/png" in data:
        return figure(output, setting)
    plain = text(data.get("text/plain", ""))
    drawn = text(data.get("text/html", ""))
    rows = TABLE.search(drawn)
    if rows and drawn.startswith("<details>"):
        return verdict(rows[0], plain)
    if rows and drawn == rows[0]:
        return f'<div class="scrolls">{in_classes(drawn)}</div>\n'
    return f'<pre class="printed scrolls">{html.escape(plain)}</pre>\n'


def verdict(table: str, plain: str) -> str:
    """What `verify` found: its line, with the routes folded beneath it."""
    rows = in_classes(ROW.sub(r'<tr><th scope="row">\1</th>', table))
    title = html.escape(plain.removeprefix("✓").strip())
    return (
        f'<details class="verdict"><summary>{title}</summary>'
        f'<div class="scrolls">{rows}</div></details>\n'
    )


def in_classes(table: str) -> str:
    """A stored table whose cells say by a class, in place of a style, that they hold numbers.

    Raises ValueError for anything in it but rows, cells and words.
    """
    rest = re.sub(r'(?<=<t[hd]) (?:style="[^"<>]*"|scope="row")(?=>)', "", table)
    rest = rest.replace('<table class="numbers">', "<table>")
    if PARTS.sub("", rest):
        raise ValueError(f"a table with {PARTS.sub('', rest)[:40]!r} in it, which a page has not")
    table = re.sub(r' style="[^"]*right[^"]*"', ' class="number"', table)
    return re.sub(r' style="[^"]*"', "", table)


def figure(output: Cell, setting: Setting) -> str:
    """A stored picture with its sentence; one of an explorer says which, and where it stands.

    Raises ValueError if the picture has no words or no size, is no PNG, or is an explorer's and
    does not say where it stands.
    """
    about = _about_picture(output)
    if not about.get("alt"):
        raise ValueError("a picture without words for those who do not see it")
    if "explorer" in about and "values" not in about:
        raise ValueError(f"the stored picture of {about['explorer']} does not say at which values")
    words, encoded = html.escape(about["alt"]), text(output["data"]["image/png"])
    encoded = in_palette(re.sub(r"\s", "", encoded))
    size = " ".join(f'{side}="{_pixels(about, side)}"' for side in ("width", "height"))
    image = f'<img src="data:image/png;base64,{encoded}" {size} alt="{words}">'
    caption = f"<figcaption>{words}</figcaption>"
    if "note" not in about and "explorer" not in about:
        return f"<figure>{image}{caption}</figure>\n"
    way = html.escape(say("notebook.explorer", number=setting.number, file=setting.file))
    name, values = about.get("explorer", ""), about.get("values", {})
    marks = 'class="stored"'
    if name and setting.shown(name, values, about["alt"]):
        stands = html.escape(json.dumps(values, sort_keys=True))
        marks = f'class="explorer" data-explorer="{name}" data-values="{stands}"'
    return f'<figure {marks}>{image}{caption}<p class="in-the-notebook">{way}</p></figure>\n'


def _pixels(about: dict[str, Any], side: str) -> int:
    """A picture's width or height. Raises ValueError if it is no whole number, or less than 1."""
    value: Any = about.get(side)
    return require_count(f"a picture's {side}", value)


def _about_picture(output: Cell) -> dict[str, Any]:
    """What the notebook stores about an output's picture."""
    return dict(output.get("metadata", {}).get("image/png", {}))
