"""Lint, format and types of the code and the notebooks, so that one run of the tests has them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("words", [["mypy"], ["ruff", "check"], ["ruff", "format", "--check"]])
def test_style(words: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
