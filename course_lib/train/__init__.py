"""Training: one flat loop, exact resume, checkpoints that survive a crash.

`fit(model, data, Settings(epochs=…))` trains anything whose `terms(x, generator=…)` has an `.elbo`.
From the command line: `python -m course_lib.train --list`.
"""

from course_lib.train.loop import TrainingDiverged, fit
from course_lib.train.objectives import (
    Objective,
    Trainable,
    elbo,
    free_bits,
    importance_weighted,
    warm_up,
    weighted_elbo,
)
from course_lib.train.state import History, Settings

__all__ = [
    "History",
    "Objective",
    "Settings",
    "Trainable",
    "TrainingDiverged",
    "elbo",
    "fit",
    "free_bits",
    "importance_weighted",
    "warm_up",
    "weighted_elbo",
]
