"""Lint, format and types of code and notebooks, lint of scripts: one run of the tests has all."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OXLINT = Path(sysconfig.get_path("scripts")) / f"oxlint{sysconfig.get_config_var('EXE') or ''}"
PLAYER = ROOT / "course_lib" / "edition" / "player"
RULES = Path(__file__).resolve().parent / "oxlint.json"


@pytest.mark.parametrize("words", [["mypy"], ["ruff", "check"], ["ruff", "format", "--check"]])
def test_style(words: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def oxlint(*paths: Path) -> subprocess.CompletedProcess[str]:
    """What the linter of JavaScript says of these files and folders."""
    command = [str(OXLINT), f"--config={RULES}", "--format=unix", *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_style_of_scripts() -> None:
    run = oxlint(ROOT / "course_lib", ROOT / "tests")
    assert run.returncode == 0, run.stdout + run.stderr


FAULTS = {
    "no-unused-vars": "(() => { const forgotten = 1; })();",
    "no-undef": "(() => { surprise(); })();",
    "no-unreachable": "(() => { for (;;) { break; alert(1); } })();",
    "eqeqeq": "(() => { if (name == 1) alert(1); })();",
    "max-lines-per-function": "(() => { function f() {\n" + "alert(1);\n" * 25 + "} f(); })();",
    "Unexpected token": "(() => { const = 1; })();",
}


@pytest.mark.parametrize("rule", FAULTS)
def test_a_fault_in_a_script_is_found(rule: str, tmp_path: Path) -> None:
    path = tmp_path / "fault.js"
    path.write_text(FAULTS[rule], encoding="utf-8")
    run = oxlint(path)
    assert run.returncode != 0
    assert rule in run.stdout


# What a browser of 2023 may not know: one such expression stops the whole script, unread.
TOO_NEW = re.compile(r"\(\?<[=!]|\.(?:with|toSorted|toReversed|toSpliced|findLast)\(|groupBy\(")


@pytest.mark.parametrize("path", sorted(PLAYER.glob("*.js")), ids=lambda path: path.name)
def test_a_script_of_the_pages_needs_no_newer_browser(path: Path) -> None:
    found = [
        f"{place}: {line.strip()}"
        for place, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if TOO_NEW.search(line)
    ]
    assert found == []
