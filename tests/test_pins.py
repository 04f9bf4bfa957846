"""constraints.txt: everything that is installed is pinned, and installs on any Python promised.

The packages are found by following what each installed one requires, for every Python and system
promised: one that only Windows needs is found too, though not what it requires in turn.
"""

import ast
import functools
import importlib.metadata as metadata
import itertools
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from course_lib.index import notebook_paths

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNS = PROJECT["project"]["dependencies"]
PAGES = PROJECT["project"]["optional-dependencies"]["pages"]
CLUSTER = PROJECT["project"]["optional-dependencies"]["cluster"]
TESTS = PROJECT["project"]["optional-dependencies"]["test"]
BUILDER = PROJECT["build-system"]["requires"]
WANTED = [*RUNS, *TESTS, *BUILDER]
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
# What only PyTorch's build for NVIDIA requires: the builds that tests run on do not name it.
GPU = LINES.index("# What torch brings for an NVIDIA GPU on Linux.")
PINS = {
    canonicalize_name(name): version
    for name, _, version in (line.partition("==") for line in LINES if not line.startswith("#"))
}

WORKERS = ROOT / "course_lib" / "pieces" / "workers.py"
MINORS = ("3.11", "3.12", "3.13", "3.14")
PATCHES = range(20)  # such as 3.14.1, which one release of a package refuses, and no other
SYSTEMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
)


@functools.cache
def required_by(name: NormalizedName) -> list[Requirement]:
    """What a package requires anywhere; nothing is known of one that is not installed here."""
    try:
        return list(map(Requirement, metadata.requires(name) or []))
    except metadata.PackageNotFoundError:
        return []


def installed_on(
    machine: dict[str, str], wanted: list[str]
) -> dict[NormalizedName, list[Requirement]]:
    """All packages that are installed there, with what asks for them."""
    asked: dict[NormalizedName, list[Requirement]] = {}
    seen: set[tuple[NormalizedName, str]] = set()
    waiting = list(map(Requirement, wanted))
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        asked.setdefault(name, []).append(requirement)
        for extra in {"", *requirement.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            there = {**machine, "extra": extra}
            waiting += [r for r in required_by(name) if not r.marker or r.marker.evaluate(there)]
    return asked


def machines() -> Iterator[dict[str, str]]:
    for minor, system in itertools.product(MINORS, SYSTEMS):
        yield {"python_version": minor, "python_full_version": f"{minor}.0", **system}


MACHINES = list(machines())
NAMES = [f"{machine['python_version']}-{machine['sys_platform']}" for machine in MACHINES]


@pytest.mark.parametrize("machine", MACHINES, ids=NAMES)
def test_everything_that_is_installed_is_pinned_at_a_version_that_all_accept(
    machine: dict[str, str],
) -> None:
    refused = {
        f"{requirement}: {PINS.get(name)}"
        for name, requirements in installed_on(machine, WANTED).items()
        for requirement in requirements
        if name not in PINS or not requirement.specifier.contains(PINS[name])
    }
    assert not refused


def test_the_packages_of_other_systems_are_found() -> None:
    """So that the test above cannot pass by following nothing."""
    here = [set(installed_on(machine, WANTED)) for machine in MACHINES]
    assert min(map(len, here)) > 100
    only = here[0].union(*here) - here[0].intersection(*here)
    assert {"appnope", "colorama", "pywinpty", "pexpect", "overrides"} <= only


def test_nothing_is_pinned_that_nothing_requires() -> None:
    needed = set().union(*(installed_on(machine, WANTED) for machine in MACHINES))
    for_gpu = {canonicalize_name(line.split("==")[0]) for line in LINES[GPU + 1 :]}
    assert set(PINS) - needed - for_gpu == set()


def test_every_pin_accepts_every_python_that_is_promised() -> None:
    promised = [f"{minor}.{patch}" for minor in MINORS for patch in PATCHES]
    assert PROJECT["project"]["requires-python"] == f">={MINORS[0]}"
    asks = {
        f"{p.name} {p.version}": p.metadata.get("Requires-Python")  # type: ignore[attr-defined]
        for p in metadata.distributions()
    }
    refused = {
        f"{name}: Python {wish}": version
        for name, wish in asks.items()
        for version in promised
        if wish and not SpecifierSet(wish).contains(version)
    }
    assert not refused


def test_what_is_installed_here_is_what_is_pinned() -> None:
    """2.13.0+cpu is a build of 2.13.0."""
    packages = {canonicalize_name(p.name): p.version for p in metadata.distributions()}
    different = {
        f"{name} {packages[name]}": pin
        for name, pin in PINS.items()
        if name in packages and Version(packages[name]).public != pin
    }
    assert not different


def test_torch_and_what_builds_the_course_are_pinned_where_pip_needs_it() -> None:
    """A range lets pip take a torch with gigabytes of CUDA; and it builds without constraints."""
    assert f"torch=={PINS[canonicalize_name('torch')]}" in WANTED
    (builder,) = BUILDER
    assert builder == f"setuptools=={PINS[canonicalize_name('setuptools')]}"


def imported(code: str) -> set[str]:
    """The modules that a piece of Python imports, by their first name."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def code_of_the_course() -> Iterator[str]:
    """All of it but the edition and Dask's workers, which have extras of their own."""
    for path in sorted((ROOT / "course_lib").rglob("*.py")):
        if path.parent.name != "edition" and path != WORKERS:
            yield path.read_text(encoding="utf-8")
    for path in notebook_paths():
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield "".join(cell["source"])


def test_a_first_start_brings_what_the_course_imports_and_no_test_tool() -> None:
    modules = set().union(*map(imported, code_of_the_course())) - {"course_lib"}
    modules -= sys.stdlib_module_names
    assert {"torch", "matplotlib", "isal"} <= modules
    packages = metadata.packages_distributions()
    first = set(installed_on(MACHINES[0], RUNS))
    missing = {m for m in modules if not first & set(map(canonicalize_name, packages.get(m, [])))}
    assert not missing
    edition = [p.read_text(encoding="utf-8") for p in (ROOT / "course_lib/edition").glob("*.py")]
    modules = set().union(*map(imported, edition)) - {"course_lib"} - sys.stdlib_module_names
    assert {"jinja2", "latex2mathml"} <= modules
    pages = set(installed_on(MACHINES[0], [*RUNS, *PAGES]))
    missing = {m for m in modules if not pages & set(map(canonicalize_name, packages.get(m, [])))}
    assert not missing
    assert {"distributed"} <= imported(WORKERS.read_text(encoding="utf-8")) & set(CLUSTER)
    assert set(PAGES) | set(CLUSTER) <= set(TESTS)
    tools = {"hypothesis", "mypy", "nbval", "oxlint", "playwright", "pytest", "ruff", "scipy"}
    tools |= {"scipy-stubs", *CLUSTER}
    assert not first & tools
