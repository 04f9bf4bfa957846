"""Who may import whom, and what the mathematics must not drag in.

The rooms stand in an order, and one imports only rooms above it. TABLE has for each what it imports
itself, no more and no less: a change of it is a change of the house.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from import_reader import Sources, as_source, faults, floors, imported, reached, read, table_of

import course_lib
import start

ROOT = Path(__file__).resolve().parent.parent
ORDER = floors(course_lib.__all__)
TABLE: dict[str, set[str]] = {
    "arguments": set(),
    "numerals": set(),
    "data": {"arguments"},
    "checkpoint": {"arguments"},
    "pieces": {"arguments", "checkpoint"},
    "plots": {"arguments", "numerals"},
    "distributions": {"arguments"},
    "exact.numerics": {"arguments", "distributions"},
    "exact": {"arguments", "distributions", "exact.numerics"},
    "exact.optima": {"arguments", "distributions", "exact", "exact.numerics"},
    "bounds": {"arguments", "distributions"},
    "gradients": {"arguments", "distributions"},
    "minibatch": {"arguments"},
    "nets": {"arguments", "distributions"},
    "chain_readings": {"arguments", "distributions", "exact"},
    "vae": {"arguments", "bounds", "distributions", "nets"},
    "train": {"arguments", "bounds", "checkpoint"},
    "shipped": {
        "arguments",
        "checkpoint",
        "data",
        "numerals",
        "pieces",
        "plots",
        "train",
        "vae",
    },
    "evaluate": {
        "arguments",
        "bounds",
        "checkpoint",
        "data",
        "distributions",
        "numerals",
        "pieces",
        "shipped",
        "vae",
    },
    "depth_study": {
        "arguments",
        "checkpoint",
        "data",
        "evaluate",
        "nets",
        "numerals",
        "pieces",
        "plots",
        "train",
        "vae",
    },
    "checks": {"arguments", "checkpoint", "numerals"},
    "exercises": {
        "arguments",
        "bounds",
        "checks",
        "data",
        "distributions",
        "evaluate",
        "exact",
        "numerals",
        "shipped",
        "vae",
    },
    "explorers.stage": {"plots"},
    "explorers.scenes": {
        "arguments",
        "bounds",
        "data",
        "distributions",
        "evaluate",
        "exact",
        "gradients",
        "plots",
        "shipped",
        "vae",
    },
    "explorers": {
        "arguments",
        "bounds",
        "chain_readings",
        "data",
        "distributions",
        "exact",
        "exact.optima",
        "explorers.scenes",
        "explorers.stage",
        "gradients",
        "minibatch",
        "numerals",
        "plots",
        "vae",
    },
    "index": {"numerals"},
    "edition": {
        "arguments",
        "checkpoint",
        "checks",
        "exercises",
        "explorers",
        "explorers.stage",
        "index",
        "numerals",
        "plots",
    },
    "teach": {
        "checkpoint",
        "checks",
        "distributions",
        "edition",
        "exact",
        "exercises",
        "index",
        "numerals",
    },
}
COMMANDS = {
    "__main__.py": "course_lib.index.command.main",
    "train/__main__.py": "course_lib.shipped.command.main",  # it trains what ships
    "shipped/clinic/__main__.py": "course_lib.shipped.clinic.command.main",
    "evaluate/__main__.py": "course_lib.evaluate.command.main",
    "edition/__main__.py": "course_lib.edition.command.main",
    "depth_study/__main__.py": "course_lib.depth_study.command.main",
    "teach/__main__.py": "course_lib.teach.command.main",
}
HEAVY = ["matplotlib", "ipywidgets", "scipy"]
SOURCES = read(ROOT / "course_lib")
FOUND = table_of(SOURCES, ORDER)


def all_faults(sources: Sources) -> list[str]:
    return faults(sources, TABLE, ORDER, COMMANDS)


def caused(file: str, line: str) -> str:
    """What is found when the line is added to the file, and not without it."""
    added = SOURCES.get(file, "") + line
    return "\n".join(f for f in all_faults(SOURCES | {file: added}) if f not in all_faults(SOURCES))


def test_imports_follow_the_order_and_the_table() -> None:
    found = "\n".join(all_faults(SOURCES))
    assert not found, f"{found}\n\nTABLE as the code has it:\n{as_source(FOUND)}"


def test_an_oracle_shares_no_code_with_what_it_judges() -> None:
    assert "bounds" not in reached(FOUND, "exact")
    assert "exact" not in reached(FOUND, "bounds")


def test_every_command_stands_there() -> None:
    assert set(COMMANDS) == {file for file in SOURCES if file.endswith("__main__.py")}


WAYS = [
    "from course_lib.train import fit",
    "from course_lib import train",
    "import course_lib.train",
    "import course_lib.train.loop as loop",
    "def f():\n    from course_lib.train.loop import fit",
    "if TYPE_CHECKING:\n    from course_lib.train import fit",
    "importlib.import_module('course_lib.train')",
    "import_module('course_lib.train.loop')",
    "__import__('course_lib.train')",
    "pkgutil.resolve_name('course_lib.train')",
    "sys.modules['course_lib.train']",
    "sys.modules.get('course_lib.train')",
    "import course_lib.arguments\ncourse_lib.train.fit",
]


@pytest.mark.parametrize("line", WAYS)
def test_every_way_to_import_is_seen(line: str) -> None:
    """In a room above, none of them passes."""
    found = caused("bounds/lower_bound.py", line)
    assert "bounds/lower_bound.py: imports course_lib.train" in found
    assert "train stands below bounds" in found
    assert "bounds imports ['train'], which is not in the table" in found


@pytest.mark.parametrize(
    "line",
    [
        "importlib.import_module(name)",
        "importlib.import_module(f'course_lib.{name}')",
        "importlib.import_module('.train', 'course_lib')",
        "load = importlib.import_module",
        "getattr(importlib, 'import_module')('course_lib.train')",
        "from importlib import import_module as load",
        "__import__(name)",
        "for each in pkgutil.iter_modules(path): ...",
        "for each in pkgutil.walk_packages(path, 'course_lib.'): ...",
        "sys.modules[name]",
        "name in sys.modules",
        "for each in sys.modules: ...",
        "exec(code)",
        "import course_lib",
        "import course_lib as course",
        "from course_lib import *",
        "from . import train",
    ],
)
def test_what_hides_an_import_is_refused(line: str) -> None:
    found = caused("plots/hidden.py", line)
    assert found.startswith("plots/hidden.py: ")
    assert "\n" not in found


def test_other_packages_may_be_imported_by_name() -> None:
    lines = [
        "importlib.import_module('IPython.display')",
        "net.eval()",
        "sys.modules.get('IPython')",
        "'matplotlib' in sys.modules",
    ]
    assert not caused("plots/open.py", "\n".join(lines))
    assert list(imported(lines[0])) == ["IPython.display"]


PLANTED = [
    (
        "exact/numerics/late.py",
        "from course_lib.exact.scalar_chain import ScalarChain",
        "stands below exact.numerics",
    ),
    (
        "exact/late.py",
        "from course_lib.exact.optima.ppca import fit_ppca",
        "stands below exact",
    ),
    ("exact/late.py", "from course_lib.exact import best_diagonal", "by the door of its own room"),
    (
        "exact/late.py",
        "from course_lib.bounds import gap",
        "exact imports ['bounds'], which is not",
    ),
    (
        "bounds/lower_bound.py",
        "from course_lib.exact import ScalarChain",
        "bounds imports ['exact'], which is not",
    ),
    (
        "explorers/jensen.py",
        "from course_lib.explorers.posterior import X",
        "do not import each other",
    ),
    (
        "explorers/stage/late.py",
        "from course_lib.explorers.scenes.beta_sweep import X",
        "stands below explorers.stage",
    ),
    (
        "explorers/scenes/late.py",
        "from course_lib.explorers.jensen import X",
        "stands below explorers.scenes",
    ),
    ("attic.py", "from course_lib.bounds import gap", "attic and bounds are not both rooms"),
    ("vae/late.py", "from course_lib.cellar import gap", "vae and cellar are not both rooms"),
    (
        "evaluate/__main__.py",
        "from course_lib.bounds import gap",
        "a command imports sys and course_lib.evaluate.command.main alone",
    ),
]


@pytest.mark.parametrize(("file", "line", "fault"), PLANTED)
def test_a_planted_import_is_found(file: str, line: str, fault: str) -> None:
    assert fault in caused(file, line)


def test_an_entry_that_nothing_uses_is_found() -> None:
    table = TABLE | {"vae": TABLE["vae"] | {"plots"}}
    assert "vae does not import ['plots'], which is in the table" in faults(
        SOURCES, table, ORDER, COMMANDS
    )


def test_an_order_that_is_not_the_houses_is_found() -> None:
    assert "the table's rows are" in "\n".join(
        faults(SOURCES, dict(reversed(TABLE.items())), ORDER, COMMANDS)
    )


@pytest.mark.parametrize("between", ["distributions", "arguments"])
def test_a_way_round_from_an_oracle_is_found(between: str) -> None:
    file = "arguments.py" if between == "arguments" else "distributions/late.py"
    planted = SOURCES | {file: SOURCES.get(file, "") + "\nfrom course_lib.bounds import gap"}
    assert "bounds" in reached(table_of(planted, ORDER), "exact")


@pytest.fixture(scope="module")
def fresh() -> dict[str, str]:
    """What a fresh interpreter reports when every mathematics room is imported into it."""
    names = [f"course_lib.{name}" for name in start.MATHEMATICS]
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
