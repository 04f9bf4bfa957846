"""Who may import whom, and what the mathematics must not drag in."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "course_lib"

# Each module and those whose arrows lead straight into it; what they import may be used as well.
PARENTS = {
    "arguments": set(),
    "distributions": {"arguments"},
    "exact": {"distributions"},
    "bounds": {"distributions"},
    "gradients": {"bounds"},
    "nets": {"distributions"},
    "vae": {"nets", "bounds"},
    "evaluate": {"vae", "bounds"},
    "train": {"checkpoint"},
    "recipes": {"vae", "data", "train"},
    "sweep": {"vae", "train"},
    "unrolled": {"vae"},
    "depth_study": {"evaluate", "train", "data", "plots"},
    "minibatch": {"arguments"},
    "checkpoint": {"arguments"},
    "data": {"arguments"},
    "plots": {"arguments"},
    "checks": {"arguments"},
    "readings": {"vae"},
    "exercises": {"distributions", "exact", "bounds", "checks"},
}
MATHEMATICS = ["arguments", "distributions", "exact", "bounds", "gradients", "nets", "vae"]
HEAVY = ["matplotlib", "ipywidgets", "scipy"]


def allowed(module: str) -> set[str]:
    """The modules that `module` may import: its ancestors."""
    above = PARENTS[module]
    return above.union(*(allowed(parent) for parent in above))


def modules() -> dict[str, list[Path]]:
    """The top-level names of the package and the files that make up each.

    A command, `__main__.py`, may use everything: nothing can import it.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if name != "__init__" and path.name != "__main__.py":
            found.setdefault(name, []).append(path)
    return found


def imported(source: str) -> Iterator[str]:
    """Every dotted name that the source imports, wherever the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full: from course_lib.x import y"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def siblings(source: str) -> set[str]:
    """Modules of the package that the source imports."""
    parts = (name.split(".") for name in imported(source))
    return {part[1] for part in parts if part[0] == "course_lib" and len(part) > 1}


def test_the_reader_sees_every_way_to_import() -> None:
    source = (
        "import course_lib.a\nfrom course_lib import b\ndef f():\n from course_lib.c.d import e"
    )
    assert siblings(source) == {"a", "b", "c"}


def test_an_oracle_shares_no_code_with_what_it_judges() -> None:
    assert "bounds" not in allowed("exact")
    assert "exact" not in allowed("bounds")


@pytest.mark.parametrize("module", modules())
def test_imports_follow_the_table(module: str) -> None:
    paths = modules()[module]
    used = set().union(*(siblings(path.read_text(encoding="utf-8")) for path in paths))
    if module == "explorers":
        return
    assert module in PARENTS, f"{module} is not in the table of who may import whom"
    assert used - {module} <= allowed(module)


def test_the_package_itself_imports_nothing() -> None:
    assert not list(imported((PACKAGE / "__init__.py").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def fresh() -> dict[str, str]:
    """What a fresh interpreter reports when every mathematics module is imported into it."""
    names = [f"course_lib.{name}" for name in MATHEMATICS if name in modules()]
    code = f"""
import json, sys, torch
state = lambda: [torch.get_num_threads(), str(torch.get_default_dtype()),
    torch.is_grad_enabled(), hash(torch.get_rng_state().numpy().tobytes()),
    torch.are_deterministic_algorithms_enabled()]
before = state()
import {", ".join(names)}
heavy = sorted(set({HEAVY!r}) & sys.modules.keys())
print(json.dumps(dict(before=before, after=state(), heavy=heavy)))
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, str] = json.loads(run.stdout)
    return found


def test_mathematics_loads_no_drawing_and_no_scipy(fresh: dict[str, str]) -> None:
    assert not fresh["heavy"]


def test_import_leaves_torch_as_it_was(fresh: dict[str, str]) -> None:
    """Threads, default dtype, gradient mode and the global random state."""
    assert fresh["after"] == fresh["before"]
