"""Who imports whom in the package, read from its source: dynamic imports too.

A floor is a room, or a folder inside a room that has an order of its own. The door of a room is its
__init__, which may open on all its floors.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Sources = dict[str, str]  # the file as seen from course_lib, and what stands in it
Table = dict[str, set[str]]  # a floor, and the floors that it imports

# Floors inside a room, in order; "" is what lies in the room's own folder.
FLOORS = {"exact": ("numerics", "", "optima"), "explorers": ("stage", "scenes", "")}
APART = {"explorers"}  # whose files never import each other
ROOT_FILE = "__init__.py"  # the lazy root, which may import by a name that it is given
# What imports, or runs, a thing by its name. As methods, eval and exec are something else.
DYNAMIC = {
    *("import_module", "__import__", "resolve_name", "find_spec", "find_loader", "get_loader"),
    *("spec_from_file_location", "module_from_spec", "exec_module", "load_module"),
    *("iter_modules", "walk_packages", "run_module", "run_path"),
}
BUILT_IN = {"eval", "exec", "compile"}


class Unreadable(Exception):
    """An import of which the source does not say what it imports."""


@dataclass(frozen=True)
class Use:
    """One import of ours: the file and floor that import, and the dotted name and its floor."""

    file: str
    floor: str
    name: str
    target: str
    is_module: bool  # not a thing that the target's door offers

    @property
    def by_the_door(self) -> bool:
        """Whether a door opens on its own room, as it may."""
        return self.file.endswith("__init__.py") and room(self.floor) == room(self.target)


def read(package: Path) -> Sources:
    """Every file of the package."""
    return {
        path.relative_to(package).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(package.rglob("*.py"))
    }


def floors(rooms: Iterable[str]) -> list[str]:
    """The rooms in order, each with its floors."""
    return [f"{name}.{inner}".rstrip(".") for name in rooms for inner in FLOORS.get(name, ("",))]


def floor_of(parts: list[str]) -> str:
    """exact.numerics for [exact, numerics, log_mean]; exact for [exact, scalar_chain]."""
    inner = parts[1] if len(parts) > 1 and parts[1] in FLOORS.get(parts[0], ()) else ""
    return f"{parts[0]}.{inner}".rstrip(".")


def room(floor: str) -> str:
    return floor.split(".")[0]


def imported(source: str) -> Iterator[str]:
    """Every dotted name that the source imports, wherever and however.

    Raises Unreadable where the source does not say what is imported.
    """
    tree = ast.parse(source)
    parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "course_lib":
                    raise Unreadable("import course_lib: say `from course_lib.x import y`")
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            yield from named_by(node)
        elif is_attribute(node, "course_lib"):
            yield ast.unparse(node)  # the lazy root imports it
        elif mentions_dynamic(node):
            yield constant(node, parents)


def named_by(node: ast.ImportFrom) -> Iterator[str]:
    """What `from … import …` imports."""
    for alias in node.names:
        if node.level or (alias.name == "*" and (node.module or "").startswith("course_lib")):
            raise Unreadable("imports are written in full: from course_lib.x import y")
        if alias.name in DYNAMIC and alias.asname:
            raise Unreadable(f"{alias.name} under another name, {alias.asname}")
        yield f"{node.module}.{alias.name}"


def is_attribute(node: ast.AST, of: str) -> bool:
    return (
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == of
    )


def mentions_dynamic(node: ast.AST) -> bool:
    """Whether it is what imports or finds modules by name, or its name as a string."""
    if isinstance(node, ast.Name):
        return node.id in DYNAMIC | BUILT_IN
    if isinstance(node, ast.Attribute):
        return node.attr in DYNAMIC or (node.attr == "modules" and is_attribute(node, "sys"))
    return isinstance(node, ast.Constant) and node.value in DYNAMIC


def constant(node: ast.AST, parents: dict[int, ast.AST]) -> str:
    """The name that is imported or looked up. Raises Unreadable if it is not there to be read."""
    around: ast.AST | None = parents.get(id(node))
    if isinstance(around, ast.Attribute) and around.attr == "get":  # sys.modules.get("x")
        node, around = around, parents.get(id(around))
    named: ast.AST | None = None
    if isinstance(around, ast.Call) and around.func is node and around.args:
        named = around.args[0]
    elif isinstance(around, ast.Subscript) and around.value is node:
        named = around.slice
    elif isinstance(around, ast.Compare) and around.comparators == [node]:
        named = around.left  # "x" in sys.modules
    if isinstance(named, ast.Constant) and not str(named.value).startswith("."):
        return str(named.value)
    raise Unreadable(f"{ast.unparse(node)} of what cannot be read from the source")


def uses(sources: Sources) -> list[Use]:
    """Every import of ours, but those of commands and of the root."""
    found = []
    for file, source in sources.items():
        if file != ROOT_FILE and not file.endswith("__main__.py"):
            here = floor_of(file.removesuffix(".py").split("/"))
            for name in names_in(source)[0]:
                if not name.startswith("course_lib."):
                    continue
                parts = name.split(".")[1:]
                path = "/".join(parts[:2])
                is_module = f"{path}.py" in sources or f"{path}/__init__.py" in sources
                found.append(Use(file, here, name, floor_of(parts), is_module))
    return found


@cache
def names_in(source: str) -> tuple[tuple[str, ...], str]:
    """What the source imports; or nothing, and why it cannot be read."""
    try:
        return tuple(imported(source)), ""
    except Unreadable as error:
        return (), str(error)


def table_of(sources: Sources, order: list[str]) -> Table:
    """The table that the code shows: each floor, and the others that it imports."""
    table: Table = {floor: set() for floor in order}
    for use in uses(sources):
        if use.target != use.floor and not use.by_the_door:
            table.setdefault(use.floor, set()).add(use.target)
    return table


def faults(sources: Sources, table: Table, order: list[str], commands: dict[str, str]) -> list[str]:
    """All that is against the order, the table, or the rules."""
    found = []
    for file, source in sources.items():
        names, complaint = names_in(source)
        if complaint and file != ROOT_FILE:
            found.append(f"{file}: {complaint}")
        elif file.endswith("__main__.py") and set(names) - {"sys"} != {commands.get(file, "")}:
            found.append(
                f"{file}: a command imports sys and {commands.get(file, 'its main')} alone"
            )
    found += [fault for use in uses(sources) for fault in misplaced(use, order)]
    found += differences(table, table_of(sources, order))
    return found


def misplaced(use: Use, order: list[str]) -> Iterator[str]:
    """What is wrong with one import."""
    what = f"{use.file}: imports {use.name}"
    if use.target not in order or use.floor not in order:
        yield f"{what}, and {use.floor} and {use.target} are not both rooms"
    elif order.index(use.target) > order.index(use.floor) and not use.by_the_door:
        yield f"{what}, and {use.target} stands below {use.floor}"
    elif use.by_the_door or room(use.target) != room(use.floor) or room(use.floor) not in FLOORS:
        return
    elif not use.is_module:
        yield f"{what} by the door of its own room, which hides the floor"
    elif use.floor == use.target and use.floor in APART:
        yield f"{what}, and files of {use.floor} do not import each other"


def differences(table: Table, found: Table) -> Iterator[str]:
    """Where the table and the code differ."""
    if list(table) != list(found):
        yield f"the table's rows are {list(table)}, and the order is {list(found)}"
    for floor in found:
        written, used = table.get(floor, set()), found[floor]
        if used - written:
            yield f"{floor} imports {sorted(used - written)}, which is not in the table"
        if written - used:
            yield f"{floor} does not import {sorted(written - used)}, which is in the table"


def reached(found: Table, start: str) -> set[str]:
    """The rooms that a room imports, through whatever rooms."""
    direct: dict[str, set[str]] = {}
    for floor, targets in found.items():
        direct.setdefault(room(floor), set()).update(map(room, targets))
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for target in direct.get(waiting.pop(), set()) - seen:
            seen.add(target)
            waiting.append(target)
    return seen


def as_source(found: Table) -> str:
    """The table, to be pasted."""
    rows = (
        f'    "{floor}": {sorted(used) or ""},'.replace("'", '"') for floor, used in found.items()
    )
    return "\n".join(rows).replace("[", "{").replace("]", "}").replace(": ,", ": set(),")
