"""A notebook's exercises → HTML: the place of the form, and what stands beneath it, folded."""

import ast
import html

from course_lib.checks import Design
from course_lib.edition.answers import answer_in_words, mistakes_in_words
from course_lib.edition.prose import code_block, of_chapters
from course_lib.edition.stored import Cell
from course_lib.edition.words import say
from course_lib.exercises import find
from course_lib.index import calls, exercise_of, text


def exercise(cell: Cell, number: int) -> str:
    """The place where a script puts the form; and the code, if it is more than one line to fill.

    Raises ValueError if the course has no such exercise.
    """
    task = find(exercise_of(cell))
    name = task.name
    hint = say("notebook.exercise", number=number)
    program = any(isinstance(node, ast.FunctionDef) for node in tree(cell).body)
    program = program or isinstance(task, Design)
    asked = code_block(text(cell["source"])) if program else ""
    return (
        f'{asked}<form class="exercise" data-exercise="{html.escape(name)}" lang="en">'
        f'<p class="in-the-notebook">{html.escape(hint)}</p></form>\n'
        f"{mistakes(name) if program else ''}"
    )


def hints_alone(cell: Cell) -> bool:
    """Whether all that the cell does, or says in comments, is to ask for hints."""
    body = tree(cell)
    asked = calls(body, "hint")
    alone = [isinstance(node, ast.Expr) and node.value in asked for node in body.body]
    return 'hint("' in text(cell["source"]) and all(alone)


def answered(solution: str, name: str) -> str:
    """A folded solution, with the number at its end where the answer is one."""
    answer = answer_in_words(name)
    if not answer:
        return solution
    words = html.escape(say("solution.answer", name=name, answer=answer))
    return solution.replace("</details>", f'<p class="answer">{words}</p>\n</details>', 1)


def mistakes(name: str) -> str:
    """What is known to go wrong with a program, folded: no page runs one to see which it is."""
    hints = "".join(
        f"<li>{html.escape(of_chapters(hint))}</li>\n" for hint in mistakes_in_words(name)
    )
    if not hints:
        return ""
    title = html.escape(say("exercise.mistakes", name=name))
    return f'<details class="fold"><summary>{title}</summary>\n<ul>\n{hints}</ul></details>\n'


def tree(cell: Cell) -> ast.Module:
    """The cell's code as a tree."""
    return ast.parse(text(cell["source"]))
