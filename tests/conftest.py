"""What every test shares: one thread and a known seed, so that a failure repeats itself."""

import os

# Before torch is imported anywhere: workers that each take every core slow one another down.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test, and no kernel that one starts, writes into the folder of whoever runs it.
os.environ["COURSE_LIB_PROGRESS"] = "off"

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Derandomised: a test that passed here passes on the next machine. `--hypothesis-profile=search`
# looks further, with new examples each time.
settings.register_profile("course", deadline=None, derandomize=True, database=None)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("course")

# The longest files, so that none is left alone at the end. Whichever way pytest is told of them, it
# collects a folder in the order of the alphabet.
FIRST = (
    *("test_notebook_use.py", "test_edition_whole.py", "test_start_for_real.py"),
    *("test_browser.py", "test_style.py", "test_claims_10.py", "test_claims_09.py"),
    *("test_hostile_settings.py", "test_surroundings.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of FIRST in front; all others keep their order."""
    turns = {name: turn for turn, name in enumerate(FIRST)}
    items.sort(key=lambda item: turns.get(item.path.name, len(FIRST)))


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(20260)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A real browser, started for the tests of a module that ask for one."""
    from browsing import CHROMIUM, FLAGS
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
