"""Where a notebook asks for an exercise's answer, and where it gives one."""

import ast
import re
from typing import Any

from course_lib.index.places import calls, text

SOLUTION = "<details><summary>Solution</summary>"
FOLDED = re.compile(rf"{re.escape(SOLUTION)}.*?</details>\n*", re.DOTALL)
PROGRAM = re.compile(r"```python\n(.*?)```", re.DOTALL)


def exercise_of(cell: dict[str, Any]) -> str:
    """The name of the exercise that a cell of code asks for, such as 4.b, or nothing.

    Raises SyntaxError if the cell is no Python.
    """
    for call in calls(ast.parse(text(cell["source"])), "check"):
        if call.args and isinstance(call.args[0], ast.Constant):
            return str(call.args[0].value)
    return ""


def without_solution(prose: str) -> str:
    """A Markdown cell's text, the folded solution taken out; what stands beside it stays."""
    return FOLDED.sub("", prose)


def program_of_solution(prose: str) -> str:
    """The Python in the folded solution of a Markdown cell, or nothing."""
    folded = FOLDED.search(prose)
    program = PROGRAM.search(folded[0]) if folded else None
    return program[1] if program else ""
