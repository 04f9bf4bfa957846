"""Single faults in a module's syntax tree: an operator, a comparison, a sign, a constant, a sum."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.USub: ast.UAdd,
}
COMPARISONS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
PAIRS = ("sum mean", "min max", "any all", "minimum maximum", "log log1p", "exp expm1", "amin amax")
NAMES = {pair.split()[i]: pair.split()[1 - i] for pair in PAIRS for i in (0, 1)}


def changes(node: ast.AST) -> list[Callable[[], None]]:
    """All that can be changed in a node: each a function that changes it in place."""
    values: list[tuple[str, object]] = []
    match node:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op) | ast.UnaryOp(op=op):
            if isinstance(op, ast.Not) and isinstance(node, ast.UnaryOp):
                values = [("operand", ast.UnaryOp(ast.Not(), node.operand))]
            elif type(op) in OPERATORS:
                values = [("op", OPERATORS[type(op)]())]
        case ast.Compare(ops=[op, *rest]):
            values = [("ops", [other(), *rest]) for other in COMPARISONS[type(op)]]
        case ast.Constant(value=bool(value)):
            values = [("value", not value)]
        case ast.Constant(value=int(value)):
            values = [("value", value + 1)]
        case ast.Constant(value=float(value)):
            values = [("value", 2 * value if value else 1.0)]
        case ast.Name(id=name, ctx=ast.Load()) if name in NAMES:
            values = [("id", NAMES[name])]
        case ast.Attribute(attr=name) if name in NAMES:
            values = [("attr", NAMES[name])]
    return [partial(setattr, node, field, value) for field, value in values]


def without_meaning(tree: ast.Module) -> set[ast.AST]:
    """The nodes that say nothing of what is computed: annotations, messages, decorators."""
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        match node:
            case (
                ast.Raise()
                | ast.JoinedStr()
                | ast.Assert()
                | ast.Subscript(value=ast.Name("Literal"))
            ):
                parts = [node]
            case ast.FunctionDef(returns=returns, decorator_list=decorators):
                parts = [returns, *decorators]
            case ast.ClassDef(decorator_list=decorators, bases=bases):
                parts = [*decorators, *bases]
            case ast.arg(annotation=annotation) | ast.AnnAssign(annotation=annotation):
                parts = [annotation]
        for part in parts:
            left_out.update(ast.walk(part) if part else ())
    return left_out


@dataclass(frozen=True)
class Fault:
    """One change: the node's number in the walk of its file's tree, and which change of it."""

    path: str
    node: int
    variant: int

    @property
    def source(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The file's syntax tree with the fault in it."""
        tree = ast.parse(self.source)
        changes(list(ast.walk(tree))[self.node])[self.variant]()
        return ast.fix_missing_locations(tree)

    @cached_property
    def line(self) -> int:
        """The line of the fault."""
        return int(getattr(list(ast.walk(ast.parse(self.source)))[self.node], "lineno", 0))

    def __str__(self) -> str:
        """File, function, and the statement or its part before and after."""
        before = ast.parse(self.source)
        parents = {child: node for node in ast.walk(before) for child in ast.iter_child_nodes(node)}
        nodes = list(ast.walk(before))
        shown = nodes[self.node]
        while not isinstance(shown, ast.stmt | ast.comprehension):
            shown = parents[shown]
        scope: ast.AST = shown
        while scope in parents and not isinstance(scope, ast.FunctionDef | ast.ClassDef):
            scope = parents[scope]
        old = ast.unparse(shown)
        changes(nodes[self.node])[self.variant]()
        new = ast.unparse(ast.fix_missing_locations(shown))
        lines = [(a, b) for a, b in zip(old.split("\n"), new.split("\n"), strict=True) if a != b]
        a, b = lines[0] if lines else (old.split("\n")[0], "the same")
        return f"{self.path} | {getattr(scope, 'name', 'module')} | {a.strip()} | {b.strip()}"


def faults(path: Path) -> Iterator[Fault]:
    """Every fault that can be planted in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out = without_meaning(tree)
    for number, node in enumerate(ast.walk(tree)):
        for variant in range(0 if node in left_out else len(changes(node))):
            yield Fault(path.relative_to(ROOT).as_posix(), number, variant)
