"""The house as the README draws it: its rooms, one name for one thing, files of a fair length."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import course_lib
from course_lib.index import collect_equations

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "course_lib").rglob("*.py"))
}
MOST_LINES, MOST_STATEMENTS = 250, 25  # of a file; of a function, its docstring aside


def classes(sources: dict[str, str]) -> dict[str, list[str]]:
    """The files in which each public class is written, by its name."""
    found = defaultdict(list)
    for file, source in sources.items():
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(file)
    return found


def long_functions(sources: dict[str, str]) -> list[str]:
    """Functions of more lines than are allowed; blanks, comments and docstrings do not count."""
    found = []
    for file, source in sources.items():
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                first = body[0].lineno if body else node.lineno
                own = [s.strip() for s in lines[first - 1 : node.end_lineno]]
                count = sum(1 for line in own if line and not line.startswith("#"))
                if count > MOST_STATEMENTS:
                    found.append(f"{file}:{node.lineno} {node.name} has {count} lines")
    return found


def test_the_readme_names_every_room() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("| room | what it holds |")[1]
    rows = table.split("\n\n")[0].splitlines()[2:]
    rooms = [room for row in rows for room in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert rooms == course_lib.__all__


def test_the_readme_counts_equations_and_proofs() -> None:
    said = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    equations = collect_equations()
    proved = sum(1 for equation in equations.values() if equation.proofs)
    assert f"For {proved} of the {len(equations)} tagged equations" in said


def test_no_two_public_classes_share_a_name() -> None:
    assert {name: files for name, files in classes(SOURCES).items() if len(files) > 1} == {}


def test_a_shared_name_would_be_seen() -> None:
    twice = classes({"a.py": "class Room: ...", "b.py": "class Room: ...\nclass _Own: ..."})
    assert twice == {"Room": ["a.py", "b.py"]}


def test_files_and_functions_are_short() -> None:
    lines = {file: source.count("\n") for file, source in SOURCES.items()}
    long = [f"{file} has {count} lines" for file, count in lines.items() if count > MOST_LINES]
    assert long == []
    assert long_functions(SOURCES) == []


def test_a_long_function_would_be_seen() -> None:
    body = "\n".join(f"    x = {i}" for i in range(MOST_STATEMENTS))
    short = f'def f():\n    """Says\n    what."""\n    # why\n\n{body}\n'
    assert long_functions({"a.py": short}) == []
    assert long_functions({"a.py": f"{short}    return x\n"}) == ["a.py:1 f has 26 lines"]
