"""A notebook's guesses → HTML: the questions of `guess`, and the answers of `reveal`.

    guess("4.1", ...)  # How large is the gap at x = 2,
    #                    in nats?

is a question of the page, and what `reveal("4.1", gap, unit="nats")` printed, "4.1: 1.04347 nats",
says what a script needs to set the reader's own guess beside it. What a reader has typed into the
notebook, and what was said of it, stays there: the page is the same with it and without.
"""

import ast
import html
import io
import re
import tokenize
from typing import Any

from course_lib.checks import phrases
from course_lib.edition.exercise_cells import tree
from course_lib.edition.prose import of_chapters
from course_lib.edition.stored import Cell
from course_lib.index import calls, text

DISTANCE = re.compile(r"\. (?=[A-Z])")  # how far off a guess was, a sentence of its own
NUMBER = re.compile(r"−?(?:\d+(?:\.\d+)?(?:e[+−]\d+)?|inf)")  # as `reveal` prints one


def asks_guesses(cell: Cell) -> bool:
    """Whether the cell asks for guesses. Raises ValueError if it does anything else as well."""
    body = tree(cell)
    guesses = calls(body, "guess")
    alone = [
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and node.value in guesses)
        for node in body.body
    ]
    if guesses and not all(alone):
        raise ValueError("guesses and other code in one cell: a page shows guesses as questions")
    return bool(guesses)


def questions(cell: Cell) -> str:
    """Its questions as a list. Raises ValueError if one has no words."""
    said = _comments(text(cell["source"]))
    items = []
    for call in calls(tree(cell), "guess"):
        name = _name(call)
        question = _question(said, call.end_lineno or 0)
        if not question:
            raise ValueError(f"guess {name} has no question in a comment behind it")
        words = html.escape(of_chapters(question), quote=False)
        shown = html.escape(name)
        items.append(
            f'<li data-guess="{shown}"><span class="guess-name">{shown}</span> '
            f'<span class="guess-question">{words}</span></li>\n'
        )
    return f'<ul class="guesses">\n{"".join(items)}</ul>\n'


def revealed(printed: str, code: ast.Module | None) -> str:
    """What the code of a cell printed, with the answers to guesses apart from the rest."""
    known = {_name(call): call for call in (calls(code, "reveal") if code else ())}
    parts: list[str] = []
    rest: list[str] = []
    for line in printed.rstrip().split("\n"):
        name, _, said = line.partition(": ")
        if name not in known:
            rest.append(line)
            continue
        parts += [_printed(rest), _answer(name, _unguessed(said), known[name])]
        rest = []
    return "".join([*parts, _printed(rest)])


def _printed(lines: list[str]) -> str:
    words = html.escape("\n".join(lines).strip("\n"))
    return f'<pre class="printed scrolls">{words}</pre>\n' if words else ""


def _unguessed(said: str) -> str:
    """What `reveal` would have printed without a guess."""
    same = phrases.say("guessed", which="", truth="")
    alone = phrases.say("you said", which="", given="|", truth="")
    if said.startswith(same.removeprefix(": ")):
        return said.removeprefix(same.removeprefix(": "))
    before, between = alone.removeprefix(": ").split("|")
    if not said.startswith(before):
        return said
    told = said.rpartition(between)[2]
    return DISTANCE.split(told)[0] if NUMBER.match(told) else told


def _answer(name: str, said: str, call: ast.Call) -> str:
    """The line of one answer, with its number and unit, or its word, for a script."""
    value, unit = _value_and_unit(call)
    number = NUMBER.match(said)
    word = isinstance(value, str) or number is None or said[number.end() :].strip() != unit
    truth = said if word or number is None else number[0]
    marks = {"guess": name, "truth": truth, "unit": "" if word else unit}
    marks["kind"] = "word" if word else "number"
    data = " ".join(f'data-{key}="{html.escape(words)}"' for key, words in marks.items())
    return f'<pre class="printed reveal" {data}>{html.escape(f"{name}: {said}")}</pre>\n'


def _value_and_unit(call: ast.Call) -> tuple[Any, str]:
    """The value, where it is written out, and the unit."""
    named = {word.arg: word.value for word in call.keywords}
    value = call.args[1] if len(call.args) > 1 else named.get("value")
    unit = call.args[2] if len(call.args) > 2 else named.get("unit")
    plain = [node.value if isinstance(node, ast.Constant) else None for node in (value, unit)]
    return plain[0], str(plain[1] or "")


def _name(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
        raise ValueError(f"{ast.unparse(call)} has no name such as 4.1")
    return first.value


def _comments(source: str) -> dict[int, tuple[str, bool]]:
    """By line: the comment on it, and whether the line has nothing else."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            alone = not token.line[: token.start[1]].strip()
            found[token.start[0]] = (token.string.lstrip("#").strip(), alone)
    return found


def _question(comments: dict[int, tuple[str, bool]], line: int) -> str:
    """The comment that begins on this line and goes on over the comments below it."""
    words = [comments[line][0]] if line in comments else []
    while words and comments.get(line + 1, ("", False))[1]:
        line += 1
        words.append(comments[line][0])
    return " ".join(words).strip()
