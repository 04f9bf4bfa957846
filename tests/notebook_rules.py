"""What a notebook of the course must be, read from its JSON: each rule gives the faults it finds.

`--nbval` compares what a cell prints with what is stored, but passes a notebook whose outputs and
counts are gone, and looks at no picture. These rules see to the rest.

    python tests/notebook_rules.py 3      the words, lines and minutes of notebook 3, and its faults
"""

import ast
import base64
import io
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from notebook_measures import DEEPER, MOST_LINES, MOST_WORDS, TIME, Size, size
from PIL import Image

from course_lib.edition.maths import render, without_tag
from course_lib.exercises import EXERCISES
from course_lib.index import calls, text
from course_lib.teach.notebooks import chapter_path

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
TAGS = {"raises-exception"}
SHOWN_WIDTH = 800  # pixels, at most; a picture is stored at twice its shown width
MACHINE = re.compile(r"/(?:home|root|work|tmp|Users|usr)/|[A-Z]:\\|\b0x[0-9a-f]{6,}")
# What the reader of a chapter writes, in cells that are seen: its subject, and no helper.
WRITTEN = {10: {"net", "gaussian", "HVAE", "__init__", "terms", "train_on_digits"}}
CLAIMS = {6, 7, 9, 11}  # the chapters that judge a common claim
FOLDED = {"source_hidden": True}  # a cell's `jupyter`, where its code is folded
SLIDES = "slideshow"  # a cell's metadata: whether and how it is on a slide
CLOSED = "jp-MarkdownHeadingCollapsed"  # a heading's metadata: what follows it is folded
BASIS = "# What the text rests on"
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![$\\])\$([^$]+?)\$", re.DOTALL)

Json = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One cell, and its place among all, counted from 1 as JupyterLab's outline does."""

    place: int
    raw: Json

    @property
    def source(self) -> str:
        return text(self.raw["source"])

    @property
    def is_code(self) -> bool:
        return bool(self.raw["cell_type"] == "code")

    @property
    def outputs(self) -> list[Json]:
        return list(self.raw.get("outputs", []))

    @property
    def tags(self) -> set[str]:
        return set(self.raw["metadata"].get("tags", []))

    @property
    def lines(self) -> list[str]:
        """Lines of code: neither blank nor all comment."""
        return [s for s in self.source.splitlines() if s.strip() and not s.strip().startswith("#")]

    @property
    def folded(self) -> bool:
        """Whether its code is hidden until a reader opens it."""
        return bool(self.raw["metadata"].get("jupyter") == FOLDED)

    @property
    def imports(self) -> int:
        """How many of its lines are import statements."""
        statements = [n for n in ast.walk(self.tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
        return sum((n.end_lineno or n.lineno) - n.lineno + 1 for n in statements)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source if self.is_code else "")

    def calls(self, name: str) -> list[ast.Call]:
        """Every call of the function `name` in the cell."""
        return calls(self.tree, name)

    @property
    def bundles(self) -> list[Json]:
        """The display data of its outputs, by MIME type."""
        return [output["data"] for output in self.outputs if "data" in output]


@dataclass(frozen=True)
class Notebook:
    """A notebook's number, its cells and its metadata."""

    number: int
    raw: Json

    @classmethod
    def read(cls, path: Path) -> "Notebook":
        return cls(int(path.name[:2]), json.loads(path.read_text(encoding="utf-8")))

    @cached_property
    def cells(self) -> list[Cell]:
        return [Cell(i, raw) for i, raw in enumerate(self.raw["cells"], start=1)]

    @property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.is_code]

    @property
    def exercises(self) -> list[Cell]:
        return [cell for cell in self.code if cell.calls("check")]

    @property
    def pictures(self) -> list[bytes]:
        """The stored pictures, in order."""
        return [
            base64.b64decode(text(bundle["image/png"]))
            for cell in self.code
            for bundle in cell.bundles
            if "image/png" in bundle
        ]

    @property
    def prose(self) -> str:
        return "\n\n".join(cell.source for cell in self.cells if not cell.is_code)

    @property
    def core(self) -> list[Cell]:
        """The cells before the first "Going deeper"."""
        return list(itertools.takewhile(lambda cell: not is_deeper(cell), self.cells))

    @property
    def rest(self) -> list[Cell]:
        return self.cells[len(self.core) :]


def is_deeper(cell: Cell) -> bool:
    """Whether a section begins in it that the core does not need."""
    return not cell.is_code and bool(DEEPER.search(cell.source))


Faults = Iterator[str]
Rule = Callable[[Notebook], Faults]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def faults(notebook: Notebook) -> list[str]:
    """All that is wrong with it."""
    return [fault for check in RULES for fault in check(notebook)]


@rule
def cells_ran_in_order(notebook: Notebook) -> Faults:
    for expected, cell in enumerate(notebook.code, start=1):
        if cell.raw["execution_count"] != expected:
            found = cell.raw["execution_count"]
            yield f"cell {cell.place}: execution count {found}, expected {expected}"


@rule
def nothing_is_left_out_of_the_comparison(notebook: Notebook) -> Faults:
    for cell in notebook.cells:
        for tag in sorted(cell.tags - TAGS):
            yield f"cell {cell.place}: tag {tag!r}"
        if cell.is_code and re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)", cell.source):
            yield f"cell {cell.place}: a comment steers nbval"


@rule
def errors_are_announced(notebook: Notebook) -> Faults:
    for cell in notebook.code:
        raised = any(output["output_type"] == "error" for output in cell.outputs)
        if raised and "raises-exception" not in cell.tags:
            yield f"cell {cell.place}: an error without the tag raises-exception"
        if not raised and "raises-exception" in cell.tags:
            yield f"cell {cell.place}: tagged raises-exception, and raises none"


@rule
def nothing_is_silenced_or_shouted(notebook: Notebook) -> Faults:
    for cell in notebook.code:
        if any(line.rstrip().endswith(";") for line in cell.source.splitlines()):
            yield f"cell {cell.place}: a trailing semicolon, which nbval does not honour"
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"cell {cell.place}: output on stderr"


@rule
def no_widget_state(notebook: Notebook) -> Faults:
    if "widgets" in notebook.raw["metadata"]:
        yield "widget state in the metadata"
    for cell in notebook.code:
        for mime in {mime for bundle in cell.bundles for mime in bundle}:
            if "widget" in mime:
                yield f"cell {cell.place}: output of type {mime}"


@rule
def metadata_are_those_of_any_machine(notebook: Notebook) -> Faults:
    kernel = notebook.raw["metadata"].get("kernelspec", {}).get("name")
    if kernel != "python3":
        yield f"kernel {kernel!r}, expected 'python3'"
    language = notebook.raw["metadata"].get("language_info", {})
    if "version" in language:
        yield "language_info tells of one machine's Python"
    for wanted in ("file_extension", "mimetype", "nbconvert_exporter", "pygments_lexer"):
        if wanted not in language:
            yield f"language_info has no {wanted}"
    for cell in notebook.cells:
        told = {name for name, value in cell.raw["metadata"].items() if value != FOLDED}
        allowed = {"tags", SLIDES, CLOSED} if is_deeper(cell) else {"tags", SLIDES}
        if told - allowed:
            yield f"cell {cell.place}: metadata {sorted(told - allowed)}"


@rule
def pictures_are_whole(notebook: Notebook) -> Faults:
    for cell in notebook.code:
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                yield from (f"cell {cell.place}: {fault}" for fault in picture_faults(output))


def picture_faults(output: Json) -> Faults:
    """A picture decodes, is twice as wide as it is shown, and has words for those who see none.

    The words stand where nbconvert and the course's JupyterLab look for them: `alt`.
    """
    try:
        image = Image.open(io.BytesIO(base64.b64decode(text(output["data"]["image/png"]))))
        image.load()
    except (OSError, ValueError, SyntaxError) as error:
        yield f"a picture that does not decode ({error})"
        return
    about = output.get("metadata", {}).get("image/png", {})
    shown = about.get("width")
    if shown is None or not 0 < shown <= SHOWN_WIDTH:
        yield f"a picture shown {shown} pixels wide, expected at most {SHOWN_WIDTH}"
    elif image.width != 2 * shown:
        yield f"a picture {image.width} pixels wide, expected twice the shown {shown}"
    for words in (about.get("alt", ""), text(output["data"].get("text/plain", ""))):
        if len(words.split()) < 4 or words.startswith("<"):
            yield f"a picture whose alternative text is {words!r}"


@rule
def explorers_say_which_they_are_and_how_they_stand(notebook: Notebook) -> Faults:
    """So that a page made from the notebook can move them. Only their pictures carry a note."""
    for cell in notebook.code:
        for output in cell.outputs:
            about = output.get("metadata", {}).get("image/png", {})
            if "note" in about and (not about.get("explorer") or not about.get("values")):
                yield f"cell {cell.place}: an explorer's picture that does not say which, or where"
            elif "note" in about:
                for name, value in opened_at(cell.tree).items():
                    if (stands := about["values"].get(name)) != value:
                        yield f"cell {cell.place}: an explorer whose {name} stands at {stands!r}"


def opened_at(tree: ast.Module) -> dict[str, Any]:
    """The values with which `.opened(…)` is called."""
    return {
        str(key.arg): ast.literal_eval(key.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "opened"
        for key in node.keywords
    }


@rule
def no_trace_of_a_machine(notebook: Notebook) -> Faults:
    for cell in notebook.cells:
        shown = [cell.source] + [text(output.get("text", "")) for output in cell.outputs]
        shown += ["\n".join(output.get("traceback", [])) for output in cell.outputs]
        shown += [
            text(value)
            for bundle in cell.bundles
            for mime, value in bundle.items()
            if mime.startswith("text/")
        ]
        for found in sorted({hit.group() for part in shown for hit in MACHINE.finditer(part)}):
            yield f"cell {cell.place}: {found!r} is a path or an address of one machine"


@rule
def a_page_can_show_it(notebook: Notebook) -> Faults:
    """Formulas that are drawn without a script, folds that say what is in them, sizes and words."""
    for cell in notebook.cells:
        if not cell.is_code:
            yield from (f"cell {cell.place}: {fault}" for fault in page_faults(cell.source))
        for output in cell.outputs:
            about = output.get("metadata", {}).get("image/png", {})
            if "image/png" in output.get("data", {}) and not about.get("height"):
                yield f"cell {cell.place}: a picture whose height is not stored"


def without_code(markdown: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]+`", "", markdown, flags=re.DOTALL)


def page_faults(markdown: str) -> Faults:
    """What of a cell's Markdown a page cannot show."""
    prose = without_code(markdown)
    for displayed, inline in FORMULA.findall(re.sub(r"^> ?", "", prose, flags=re.MULTILINE)):
        try:
            render(without_tag(displayed or inline)[0], display=bool(displayed))
        except ValueError as error:
            yield str(error)
    folds = [prose.count(mark) for mark in ("<details>", "</details>")]
    if folds[0] != folds[1]:
        yield f"{folds[0]} folds are opened and {folds[1]} closed"
    if len(re.findall(r"<details>\s*<summary>[^<]", prose)) != folds[0]:
        yield "a fold without a summary"
    if re.search(r"!\[\s*\]\(|<img (?![^>]*alt=)", prose):
        yield "a picture without alternative text"
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]
    if any(below > above + 1 for above, below in itertools.pairwise(levels)):
        yield f"headings that skip a level: {levels}"


@rule
def code_is_short(notebook: Notebook) -> Faults:
    """No cell is long, but for the last, which is as long as the text asks for.

    Folded imports are not counted: they say where things come from, and are no part of what a
    chapter does. How much code is seen in all, `the_core_is_short` says.
    """
    for cell in notebook.code:
        lines = len(cell.lines) - (cell.imports if cell.folded else 0)
        if lines > 25 and not cell.source.startswith(BASIS):
            yield f"cell {cell.place}: {lines} lines of code, at most 25 are allowed"


@rule
def mathematics_is_not_hidden_in_helpers(notebook: Notebook) -> Faults:
    """Where the reader writes the model, its definitions are the mathematics: see WRITTEN."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    written = WRITTEN.get(notebook.number, set())
    names = [
        node.name
        for cell in notebook.core
        if cell.is_code and not cell.calls("check")
        for node in ast.walk(cell.tree)
        if isinstance(node, kinds) and node.name not in written
    ]
    if len(names) > 2:
        yield f"definitions outside the exercises: {', '.join(names)}; at most two are allowed"


@rule
def the_anatomy_is_there(notebook: Notebook) -> Faults:
    title = notebook.cells[0]
    if title.is_code or not title.source.startswith(f"# {notebook.number} · "):
        yield f"the first cell must open with '# {notebook.number} · ' and the title"
    for words in ("question", "you can"):
        if words not in title.source.lower():
            yield f"the title cell does not say {words!r}"
    headings = [m.strip() for m in re.findall(r"^#{2,3} (.*)$", notebook.prose, re.MULTILINE)]
    sections = ["Predict", "Explore", "What goes wrong", "Exercises", "Recap"]
    places = [next((i for i, h in enumerate(headings) if h.startswith(s)), -1) for s in sections]
    for section, place in zip(sections, places, strict=True):
        if place < 0:
            yield f"no heading that starts with {section!r}"
    if min(places) >= 0 and not (places[0] == min(places) and places[-2:] == sorted(places)[-2:]):
        yield f"the headings are out of order: {', '.join(headings)}"
    judged = re.search(r"A common claim.*\*\*Verdict", notebook.prose, re.DOTALL)
    if notebook.number in CLAIMS and not judged:
        yield "no 'A common claim' with its '**Verdict'"


@rule
def equations_are_verified_and_explored(notebook: Notebook) -> Faults:
    if not any(cell.calls("verify") or cell.calls("verify_at_most") for cell in notebook.code):
        yield "no cell calls verify"
    explorers = imports(notebook, "course_lib.explorers")
    explorers -= imports(notebook, "course_lib.explorers.scenes")
    for name in sorted(explorers):
        shown = [cell for cell in notebook.code if cell.calls(name)]
        if not any("image/png" in bundle for cell in shown for bundle in cell.bundles):
            yield f"the explorer {name} is not shown with a picture"
    if not explorers:
        yield "no explorer is imported from course_lib.explorers"


@rule
def exercises_wait_for_the_reader(notebook: Notebook) -> Faults:
    for cell in notebook.exercises:
        if len(cell.calls("check")) != 1:
            yield f"cell {cell.place}: more than one check; an exercise is one cell"
        printed = "".join(text(output.get("text", "")) for output in cell.outputs)
        if "not answered yet" not in printed:
            yield f"cell {cell.place}: an exercise that is stored with an answer"
        name = exercise_name(cell)
        if solution_of(notebook, cell) is None:
            yield f"cell {cell.place}: exercise {name!r} has no collapsed solution after it"


STATE = {"at", "reset", "opened", "numbers", "sentence", "children", "png"}


@rule
def only_the_reader_moves_what_is_shown(notebook: Notebook) -> Faults:
    """A cell that needs numbers makes an explorer of its own, which is not displayed."""
    held = explorers_held(notebook)
    for cell in notebook.code:
        shown = {id(node) for node in displayed(cell)}
        owners = {
            id(node.value): node.attr
            for node in ast.walk(cell.tree)
            if isinstance(node, ast.Attribute)
        }
        for node in ast.walk(cell.tree):
            if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
                continue
            attribute = owners.get(id(node))
            harmless = id(node) in shown or (attribute and attribute not in STATE)
            if node.id in held and not harmless:
                what = f"{node.id}.{attribute}" if attribute else node.id
                yield f"cell {cell.place}: {what}, and {node.id} is the reader's explorer"


@rule
def a_name_means_one_thing(notebook: Notebook) -> Faults:
    """Else a cell that is run again finds something else under the name than the first time."""
    names = {cell.place: Names.of(cell) for cell in notebook.code}
    for place, here in names.items():
        for name in sorted(here.read):
            meanings = {
                there.bound[name]: where for where, there in names.items() if name in there.bound
            }
            if len(meanings) > 1:
                setters = " and ".join(str(where) for where in meanings.values())
                yield f"cell {place}: reads {name!r}, which the cells {setters} set"


@rule
def a_generator_is_made_where_it_draws(notebook: Notebook) -> Faults:
    """A generator that another cell has used goes on from there when the cell is run again."""
    names = {cell.place: Names.of(cell) for cell in notebook.code}
    for place, here in names.items():
        for where, there in names.items():
            for name in sorted(here.read & there.generators):
                yield f"cell {place}: draws from {name!r}, the generator of cell {where}"


# ---- A core that is read once, and the rest for whoever wants it ----


def size_of(cells: list[Cell]) -> Size:
    """What these cells ask of a reader. An explorer's view is an output that says so."""
    pictures = [
        output.get("metadata", {}).get("image/png", {}) for cell in cells for output in cell.outputs
    ]
    return size(
        (cell.source for cell in cells if not cell.is_code),
        views=sum("note" in picture for picture in pictures),
        exercises=sum(bool(cell.calls("check")) for cell in cells),
        lines=sum(len(cell.lines) for cell in cells if not cell.folded and cell.is_code),
    )


@rule
def the_core_is_short(notebook: Notebook) -> Faults:
    found = size_of(notebook.core)
    if found.words > MOST_WORDS:
        yield f"{found.words} words in the core, at most {MOST_WORDS} are allowed"
    if found.lines > MOST_LINES:
        yield f"{found.lines} visible lines of code in the core, at most {MOST_LINES} are allowed"


@rule
def the_time_is_computed(notebook: Notebook) -> Faults:
    """200 words or 10 lines a minute, 1.5 minutes an equation, 2 a view, 5 an exercise."""
    told = TIME.findall(notebook.cells[0].source)
    core = str(size_of(notebook.core).minutes)
    rest = str(size_of(notebook.rest).minutes) if any(map(is_deeper, notebook.rest)) else ""
    if told != [(core, rest)]:
        deeper = f"; Going deeper, at the end, about {rest} more" if rest else ""
        yield f"the title cell must say '*About {core} minutes{deeper}.*'"


@rule
def what_is_seen_is_for_reading(notebook: Notebook) -> Faults:
    """No assert, no code that draws, and in the core no explorer that a reader holds."""
    held, core = explorers_held(notebook), {cell.place for cell in notebook.core}
    for cell in notebook.code:
        if cell.folded:
            continue
        nodes = list(ast.walk(cell.tree))
        if any(isinstance(node, ast.Assert) for node in nodes):
            yield f"cell {cell.place}: an assert that is seen; the last cell is for it"
        called = {node.func for node in nodes if isinstance(node, ast.Call)}
        if {getattr(f, "id", getattr(f, "attr", "")) for f in called} & {"new_figure", "panels"}:
            yield f"cell {cell.place}: code that draws and is not folded"
        named = {node.id for node in nodes if isinstance(node, ast.Name)} & held
        if named and cell.place in core:
            yield f"cell {cell.place}: {', '.join(sorted(named))}, an explorer, in visible code"


@rule
def the_core_verifies_little(notebook: Notebook) -> Faults:
    count = sum(
        len(cell.calls(name)) for cell in notebook.core for name in ("verify", "verify_at_most")
    )
    if count > 6:
        yield f"{count} verify lines in the core, at most 6 are allowed"


@rule
def what_goes_deeper_is_closed_at_first(notebook: Notebook) -> Faults:
    for cell in notebook.rest:
        if is_deeper(cell):
            if not cell.source.startswith("## Going deeper: "):
                yield f"cell {cell.place}: must begin with '## Going deeper: ' and a name"
            if cell.raw["metadata"].get(CLOSED) is not True:
                yield f"cell {cell.place}: a heading without the metadata {CLOSED}: true"
        elif not cell.is_code and re.search(r"^##? ", without_code(cell.source), re.MULTILINE):
            yield f"cell {cell.place}: a heading of the core after 'Going deeper'"


@rule
def the_last_cell_holds_what_the_text_rests_on(notebook: Notebook) -> Faults:
    *others, last = notebook.cells
    if not (last.is_code and last.folded and last.source.startswith(BASIS)):
        yield f"the last cell must be folded code that begins with '{BASIS}'"
        return
    taken = Names.of(last).read
    bound = {
        name: cell.place
        for cell in others
        for name, meaning in Names.of(cell).bound.items()
        if meaning.startswith("cell ")
    }
    for name in sorted(taken & set(bound)):
        yield f"cell {last.place}: takes {name!r} from cell {bound[name]}; it builds its own"


@rule
def four_exercises_with_two_hints_each(notebook: Notebook) -> Faults:
    names = [exercise_name(cell) for cell in notebook.exercises]
    wanted = [f"{notebook.number}.{letter}" for letter in "abcd"]
    if names != wanted:
        yield f"the exercises are {', '.join(names)}; expected {', '.join(wanted)}"
    if any(cell.place > len(notebook.core) for cell in notebook.exercises):
        yield "an exercise after 'Going deeper'"
    sources = "\n".join(cell.source for cell in notebook.cells)
    for name in names:
        hints = len(EXERCISES[name].hints) if name in EXERCISES else 0
        if hints != 2:
            yield f"exercise {name} has {hints} hints, expected two"
        if f'hint("{name}")' not in sources:
            yield f'exercise {name}: nothing says hint("{name}")'
    for cell in notebook.code:
        if cell.calls("hint"):
            yield f"cell {cell.place}: calls hint, which the reader does; say it in a comment"


@rule
def guesses_are_revealed(notebook: Notebook) -> Faults:
    guesses, reveals = spoken(notebook, "guess"), spoken(notebook, "reveal")
    if not 2 <= len(guesses) <= 3:
        yield f"{len(guesses)} guesses, expected two or three"
    for name in sorted({*guesses, *reveals}):
        asked, told = guesses.get(name, []), reveals.get(name, [])
        if len(asked) != 1 or len(told) != 1 or told[0].place < asked[0].place:
            places = " and ".join(str([c.place for c in cells]) for cells in (asked, told))
            yield f"guess {name}: asked and revealed in the cells {places}, expected once each"
        if not re.fullmatch(rf"{notebook.number}\.\d", name):
            yield f"guess {name!r}: expected a name such as {notebook.number}.1"
    for cell in notebook.code:
        for call in cell.calls("guess"):
            printed = "".join(text(output.get("text", "")) for output in cell.outputs)
            blank = [ast.unparse(argument) for argument in call.args[1:]] in ([], ["..."])
            if not blank or "no guess yet" not in printed:
                yield f"cell {cell.place}: a guess that is stored with an answer"


def spoken(notebook: Notebook, function: str) -> dict[str, list[Cell]]:
    """By the name that they are given, such as 3.1: the cells that call guess or reveal."""
    found: dict[str, list[Cell]] = {}
    for cell in notebook.code:
        for call in cell.calls(function):
            name = (
                call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
            )
            found.setdefault(str(name), []).append(cell)
    return found


def displayed(cell: Cell) -> list[ast.Name]:
    """The names on a line of their own, which JupyterLab shows, or handed to display."""
    alone = [node.value for node in cell.tree.body if isinstance(node, ast.Expr)]
    handed = [argument for call in cell.calls("display") for argument in call.args]
    return [node for node in alone + handed if isinstance(node, ast.Name)]


def explorers_held(notebook: Notebook) -> set[str]:
    """The names of explorers that a cell displays."""
    classes = imports(notebook, "course_lib.explorers")
    made = {
        name
        for cell in notebook.code
        for name, value in Names.of(cell).values
        if any(isinstance(node, ast.Name) and node.id in classes for node in ast.walk(value))
    }
    return made & {node.id for cell in notebook.code for node in displayed(cell)}


def is_generator(value: ast.expr) -> bool:
    """Whether it is torch.Generator(…), or what its method manual_seed gives back."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if value.func.attr == "Generator":
            return True
        value = value.func.value
    return False


class Names(ast.NodeVisitor):
    """The names of a cell: which it reads from other cells, which it binds, and to what.

    bound: name → where its meaning comes from; an import means the same in every cell.
    """

    def __init__(self, place: int) -> None:
        self.place = place
        self.read: set[str] = set()
        self.bound: dict[str, str] = {}
        self.values: list[tuple[str, ast.expr]] = []

    @classmethod
    def of(cls, cell: Cell) -> "Names":
        names = cls(cell.place)
        names.visit(cell.tree)
        return names

    @property
    def generators(self) -> set[str]:
        """The names bound to what torch.Generator made."""
        return {name for name, value in self.values if is_generator(value)}

    def bind(self, name: str, meaning: str = "") -> None:
        self.bound[name] = meaning or f"cell {self.place}"

    def in_order(self, *parts: Any) -> None:
        for part in parts:
            for node in part if isinstance(part, list) else [part]:
                if node is not None:
                    self.visit(node)

    def inside(self, names: set[str], *parts: Any) -> None:
        """Visits what has names of its own; they are gone afterwards."""
        outside, self.bound = self.bound, self.bound | dict.fromkeys(names, "")
        self.in_order(*parts)
        self.bound = outside

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.read |= {node.id} - set(self.bound)
        else:
            self.bind(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.in_order(node.value, node.targets)
        for target in node.targets:
            self.pair(target, node.value)

    def pair(self, target: ast.expr, value: ast.expr) -> None:
        """Notes which name got which value."""
        if isinstance(target, ast.Name):
            self.values.append((target.id, value))
        elif isinstance(target, ast.Tuple | ast.List):
            alike = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
            parts = value.elts if isinstance(value, ast.Tuple | ast.List) and alike else [value]
            for i, each in enumerate(target.elts):
                self.pair(each, parts[i if alike else 0])

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.read |= {node.target.id} - set(self.bound)
        self.in_order(node.value, node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.in_order(node.value, node.target)
        self.pair(node.target, node.value)

    def visit_For(self, node: ast.For) -> None:
        self.in_order(node.iter, node.target, node.body, node.orelse)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.in_order(node.iter, node.target, node.ifs)

    def visit_ListComp(self, node: Any) -> None:
        elements = [getattr(node, part, None) for part in ("elt", "key", "value")]
        self.inside(set(), node.generators, *elements)

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def visit_Lambda(self, node: ast.Lambda) -> None:
        arguments = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        self.in_order(node.args.defaults)
        self.inside(arguments, node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        own = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        own |= {
            n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        self.in_order(node.args.defaults, node.decorator_list)
        self.bind(node.name)
        self.inside(own, node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.in_order(node.bases, node.decorator_list)
        self.inside(set(), node.body)
        self.bind(node.name)

    def visit_Import(self, node: Any) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            self.bind(name, f"{getattr(node, 'module', None)}: {alias.name}")

    visit_ImportFrom = visit_Import


def imports(notebook: Notebook, package: str) -> set[str]:
    """The names that the notebook imports from the package or its modules."""
    return {
        alias.asname or alias.name
        for cell in notebook.code
        for node in ast.walk(cell.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package)
        for alias in node.names
    }


def exercise_name(cell: Cell) -> str:
    """The name in its check call, such as 4.b."""
    return str(ast.literal_eval(cell.calls("check")[0].args[0]))


def solution_of(notebook: Notebook, exercise: Cell) -> str | None:
    """The fenced Python of the first collapsed block between this exercise and the next."""
    for cell in notebook.cells[exercise.place :]:
        if cell.is_code and cell.calls("check"):
            return None
        found = re.search(r"<details>.*?```python\n(.*?)```.*?</details>", cell.source, re.DOTALL)
        if found and not cell.is_code:
            return found.group(1)
    return None


def solved(notebook: Notebook, exercise: Cell) -> Any:
    """The answer that the solution gives.

    In a fresh namespace: the notebook's imports, the exercise's own lines, the solution; then
    what the exercise hands to check, unless the solution hands it something itself.
    """
    space: dict[str, Any] = {}
    for cell in notebook.code:
        for node in cell.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(ast.unparse(node), space)
    handed: list[tuple[Any, ...]] = []
    space["check"] = lambda name, *answer: handed.append(answer)  # the caller judges
    exec(exercise.source, space)
    handed.clear()
    exec(solution_of(notebook, exercise) or "", space)
    if not handed:
        exec(ast.unparse(exercise.calls("check")[0]), space)
    (answer,) = handed
    return answer[0] if len(answer) == 1 else (list(answer) or ...)


def main(numbers: list[str]) -> int:
    """Prints what each of these notebooks asks of a reader, and its faults. Returns 1 if it has
    any.
    """
    found: list[str] = []
    for number in numbers:
        path = chapter_path(int(number))
        notebook = Notebook.read(path)
        print(f"{path.name}\n  core {size_of(notebook.core)}\n  rest {size_of(notebook.rest)}")
        found += faults(notebook)
        print("\n".join(f"  {fault}" for fault in faults(notebook)) or "  keeps the rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
