"""Training: one flat loop, exact resume, checkpoints that survive a crash.

`fit(model, data, Settings(epochs=…))` trains anything whose `terms(x, generator=…)` has an `.elbo`.
From the command line: `python -m course_lib.train --list`.

    >>> import torch
    >>> from course_lib.train import Settings, fit
    >>> from course_lib.vae import Architecture
    >>> model = Architecture(data=2, latents=(1,), hidden=((),)).build(seed=0)
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).repeat(64, 1)  # one bit, in two pixels
    >>> settings = Settings(epochs=30, batch_size=16, learning_rate=0.05)
    >>> history = fit(model, x, settings, progress_bar=False)
    >>> history["elbo"][0] < -1.5 < -1.2 < history["elbo"][-1]  # nats; without a latent −2 log 2
    True
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
from course_lib.train.progress import progress
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
    "progress",
    "warm_up",
    "weighted_elbo",
]
