"""The rooms of the package and what each offers, read from the source by ast."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.index.chapters import explorer_classes
from course_lib.index.equations import DOCSTRING, docstring_tags
from course_lib.index.places import ROOT, Place

Named = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


@dataclass(frozen=True)
class PublicName:
    """One name that a room offers, with what its docstring says first and the tags it bears."""

    place: Place
    signature: str
    sentence: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Room:
    """A room: its name, what it is in one sentence, and what it offers."""

    name: str
    file: str
    sentence: str
    names: list[PublicName]


def collect_rooms(root: Path = ROOT) -> list[Room]:
    """The rooms in the order of the house."""
    names = offered(_parsed(root, "course_lib/__init__.py")) or []
    return [_room(root, name) for name in names]


def offered(tree: ast.Module) -> list[str] | None:
    """What `__all__` lists, or None if the module has none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and "__all__" in map(ast.unparse, node.targets):
            return list(ast.literal_eval(node.value))
    return None


def first_sentence(docstring: str | None) -> str:
    """The docstring up to its first full stop, on one line and without tags."""
    plain = " ".join(DOCSTRING.sub("", docstring or "").split("\n\n")[0].split())
    found = re.match(r".*?[^.]\.(?=\s|$)", plain)
    return found[0] if found else plain


def signature(node: Named) -> str:
    """How the name is called, or what kind of thing it is: `(q, p) → Tensor`, `: float`."""
    if isinstance(node, ast.FunctionDef):
        returns = f" → {ast.unparse(node.returns)}" if node.returns else ""
        return f"({ast.unparse(node.args)}){returns}"
    if isinstance(node, ast.ClassDef):
        return _signature_of_class(node)
    return f": {ast.unparse(node.annotation)}" if isinstance(node, ast.AnnAssign) else ""


def _signature_of_class(node: ast.ClassDef) -> str:
    """What makes one: the arguments of __init__, or the fields of a data class or named tuple."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == "__init__":
            child.args.args = child.args.args[1:]  # self
            return f"({ast.unparse(child.args)})"
    marks = [*node.decorator_list, *node.bases]
    if not any(re.match("dataclass|NamedTuple", ast.unparse(mark)) for mark in marks):
        return ""
    fields = [
        ast.unparse(child)
        for child in node.body
        if isinstance(child, ast.AnnAssign) and not ast.unparse(child.target).startswith("_")
    ]
    return f"({', '.join(fields)})"


def _room(root: Path, name: str) -> Room:
    folder = root / "course_lib" / name
    file = f"course_lib/{name}/__init__.py" if folder.is_dir() else f"course_lib/{name}.py"
    tree = _parsed(root, file)
    found = list(_offers(root, file, tree))
    return Room(name, file, first_sentence(ast.get_docstring(tree)), found)


def _offers(root: Path, file: str, tree: ast.Module) -> Iterator[PublicName]:
    """The names of `__all__`; without it, what is defined here, or a folder's explorers."""
    names = offered(tree)
    if names is None and file.endswith("/__init__.py"):
        for path in sorted((root / file).parent.glob("[!_]*.py")):
            here = path.relative_to(root).as_posix()
            module = ast.parse(path.read_text(encoding="utf-8"))
            for node in explorer_classes(module):
                yield _public(node, f"{path.stem}.{node.name}", here)
        return
    for name in names if names is not None else _defined(tree):
        where, module = _source_of(root, file, name)
        yield _public(_definition(module, name), name, where)


def _defined(tree: ast.Module) -> list[str]:
    """The public functions and classes that a module defines."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return sorted(n.name for n in tree.body if isinstance(n, kinds) and not n.name.startswith("_"))


def _source_of(root: Path, file: str, name: str) -> tuple[str, ast.Module]:
    """The file that defines a name which `file` offers, and its tree; imports are followed."""
    tree = _parsed(root, file)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            module = (node.module or "").replace(".", "/")
            package = f"{module}/__init__.py"
            found = package if (root / package).exists() else f"{module}.py"
            return _source_of(root, found, name)
    return file, tree


def _definition(tree: ast.Module, name: str) -> Named:
    """Where the module defines the name. Raises LookupError if it does not."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
            return node
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name:
            return node
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node
    raise LookupError(f"{name} is offered, and defined nowhere")


def _public(node: Named, name: str, file: str) -> PublicName:
    documented = node if isinstance(node, ast.FunctionDef | ast.ClassDef) else None
    sentence = first_sentence(ast.get_docstring(documented)) if documented else ""
    tags = {tag for child in ast.walk(node) for tag in docstring_tags(child)}
    ordered = sorted(tags, key=lambda tag: [int(part) for part in tag.split(".")])
    return PublicName(Place(name, file, node.lineno), signature(node), sentence, tuple(ordered))


def _parsed(root: Path, file: str) -> ast.Module:
    return ast.parse((root / file).read_text(encoding="utf-8"))
