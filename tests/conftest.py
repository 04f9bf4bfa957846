"""What every test shares: one thread and a known seed, so that a failure repeats itself."""

import os

# Before torch is imported anywhere: workers that each take every core slow one another down.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import settings

# Derandomised: a test that passed here passes on the next machine. `--hypothesis-profile=search`
# looks further, with new examples each time.
settings.register_profile("course", deadline=None, derandomize=True, database=None)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("course")


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(20260)
