"""Sixteen VAEs on the digits at sixteen β: all at once against one after another.

    python benchmarks/sweep.py [--epochs 20] [--rounds 3]

Prints core seconds per model of both, alternating in one run, and the ratio of their medians.
"""

import argparse
import statistics
import time
from typing import Any

import torch
from torch import Generator, Tensor

from course_lib.data import load_digits
from course_lib.train import Objective, Settings, fit
from course_lib.train.objectives import weighted_elbo
from course_lib.vae import HVAE, Architecture, stack

ARCHITECTURE = Architecture(64, (2,), ((64,),), "binomial")
BETAS = torch.logspace(-1, 1.2, 16)


def train(model: HVAE, objective: Objective, epochs: int) -> float:
    """Core seconds of one training."""
    data = load_digits().images.flatten(1).float()
    start = time.process_time()
    fit(model, data, Settings(epochs, 128, 1e-2), objective=objective, progress_bar=False)
    return time.process_time() - start


def alone(beta: float) -> Objective:
    """The same objective for one ordinary model."""

    def bound(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Any:
        terms = model.terms(x, generator=generator)
        named = {"elbo": terms.elbo, "reconstruction": terms.reconstruction, "kl": terms.kl}
        return terms.reconstruction - beta * terms.kl, named

    return bound


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    models = [ARCHITECTURE.build(seed=0) for _ in BETAS]
    train(ARCHITECTURE.build(seed=0), alone(1.0), 1)  # imports and warms up
    together, serial = [], []
    for _ in range(options.rounds):
        together.append(train(stack(models), weighted_elbo(BETAS), options.epochs) / len(BETAS))
        one_by_one = [
            train(ARCHITECTURE.build(seed=0), alone(beta), options.epochs)
            for beta in BETAS.tolist()
        ]
        serial.append(sum(one_by_one) / len(BETAS))
    a, b = statistics.median(together), statistics.median(serial)
    print(f"{options.epochs} epochs, batch 128, one thread, core seconds per model")
    print(f"all at once   {a:.3f}   ({a * len(BETAS):.2f} for all {len(BETAS)})")
    print(f"one by one    {b:.3f}   ({b * len(BETAS):.2f} for all {len(BETAS)})")
    print(f"ratio         {b / a:.2f}")


if __name__ == "__main__":
    main()
