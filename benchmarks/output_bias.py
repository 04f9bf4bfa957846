"""What a two-layer HVAE of digits comes to without its output bias, from many seeds.

    python benchmarks/output_bias.py --seeds 10
    python benchmarks/output_bias.py --seeds 1 --steps 100 --out runs/bias.json

Trains the program that notebook 10 writes, from its own cells, some five seconds of one core each:
plain, and with its costs faded in over the first 60% of the steps, with the output bias at the mean
of the data and at zero. Writes the ELBO and what layer 2 costs along the way into
data/output_bias.json or --out, and prints how each training ended.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "10_hvae_structure.ipynb"
PATH = ROOT / "data" / "output_bias.json"
EVERY = 50  # steps that one number is the mean of
FADED = 0.6  # of the steps
TRAININGS = {  # by name: is the bias at the mean of the data, are the costs faded in
    "plain": (True, False),
    "faded in, bias at the mean": (True, True),
    "faded in, bias 0": (False, True),
}


def program() -> dict[str, Any]:
    """The names that notebook 10 defines where it writes its model and its loop, without a bar."""
    from course_lib.data import load_digits

    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    space: dict[str, Any] = {"torch": torch, "nn": torch.nn, "progress": range}
    space |= {"load_digits": load_digits, "Bernoulli": torch.distributions.Bernoulli}
    space |= {"Normal": torch.distributions.Normal}
    space["kl_divergence"] = torch.distributions.kl_divergence
    for source in sources:
        if "class HVAE" in source or "def train_on_digits" in source:
            exec(source.split("torch.manual_seed(0)")[0], space)
    return space


def trained(space: dict[str, Any], training: str, seed: int, steps: int) -> dict[str, Any]:
    """One training of the notebook's program: its ELBO, and layer 2's cost, by EVERY steps."""
    at_the_mean, fades = TRAININGS[training]
    log: list[list[float]] = []

    model: Any = space["HVAE"]

    class Watched(model):  # type: ignore[misc]
        """Notes the ELBO and layer 2's cost; gives the loop costs that are faded in."""

        def terms(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            reconstruction, *costs = super().terms(x)
            elbo = reconstruction - sum(costs)
            log.append([elbo.mean().item(), costs[-1].mean().item()])
            weight = min(1.0, len(log) / (FADED * steps)) if fades else 1.0
            return reconstruction, *(weight * cost for cost in costs)

    bias = space["at_the_mean"] if at_the_mean else torch.zeros(64)
    torch.manual_seed(seed)
    space["train_on_digits"](Watched(bias.clone()), steps)
    means = torch.tensor(log).reshape(-1, EVERY, 2).mean(1)
    elbo, cost = ([round(value, 2) for value in column] for column in means.T.tolist())
    return {"training": training, "seed": seed, "elbo": elbo, "cost_2": cost}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=3_000, help=f"a multiple of {EVERY}")
    parser.add_argument("--out", type=Path, default=PATH)
    options = parser.parse_args()
    torch.set_num_threads(1)
    space, runs = program(), []
    for training in TRAININGS:
        for seed in range(options.seeds):
            runs.append(trained(space, training, seed, options.steps))
            elbo, cost = runs[-1]["elbo"], runs[-1]["cost_2"]
            told = f"ELBO {elbo[-1]:8.2f}, at worst {min(elbo):12.2f}, layer 2 {cost[-1]:6.2f} nats"
            print(f"{training:<28} seed {seed}: {told}", flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    told = json.dumps({"every": EVERY, "runs": runs})
    options.out.write_text(told.replace("{", "\n{") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
