"""What is trained, on what, and what is recorded of each run."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor

from course_lib.arguments import require_count
from course_lib.data import load_digits
from course_lib.evaluate import rate_distortion, sampled_log_evidence
from course_lib.train import History, Objective, Settings, TrainingDiverged, elbo, fit, warm_up
from course_lib.vae import HVAE, Architecture, active_units

DEPTHS = (1, 2, 3, 5)
LATENTS = 8  # units in each layer of latents
WIDEST = 128  # hidden units of every net of the one-layer chain; deeper chains have narrower nets
TRAINING = 1_500  # images; the other 297 are held out
EPOCHS, BATCH, WARMUP = 100, 100, 50
SAMPLES, K = 50, 500  # of q for an ELBO; for log p(x)
MARKS = 10  # training ELBOs that are kept of each run, evenly spaced


@dataclass(frozen=True)
class Arm:
    """One way to train chains of all depths.

    rate: the peak learning rate. seeds: how many runs of each chain.
    kl_warm_up: the share of the training during which the weight of the costs rises from 0 to 1.
    direction: of the encoder. A single layer has none: a top-down arm trains chains of two layers
    and more, and its bottom-up twin has the one-layer chains to hold them against.
    widths: hidden units of every net, by depth; if it is empty, those of equal parameters.
    """

    name: str
    what: str
    rate: float
    seeds: int
    kl_warm_up: float = 0.0
    direction: str = "bottom-up"
    widths: tuple[tuple[int, int], ...] = ()

    @property
    def chains(self) -> dict[int, Architecture]:
        """The chains to train, by depth."""
        if self.widths:
            return {depth: chain(depth, width, self.direction) for depth, width in self.widths}
        depths = DEPTHS if self.direction == "bottom-up" else DEPTHS[1:]
        return {depth: equal_chain(depth, self.direction) for depth in depths}

    @property
    def training(self) -> str:
        """What it does besides its rate: plain, KL warm-up, top-down, both or swapped."""
        if self.widths:
            return "swapped"
        if self.direction == "top-down":
            return "both" if self.kl_warm_up else "top-down"
        return "KL warm-up" if self.kl_warm_up else "plain"

    def bottom_up(self) -> "Arm":
        """The bottom-up arm of the same rate and warm-up: itself, unless it is top-down."""
        return self._like(kl_warm_up=self.kl_warm_up)

    def plain(self) -> "Arm":
        """The plain arm of the same rate: itself, if it is."""
        return self._like(kl_warm_up=0.0)

    def _like(self, kl_warm_up: float) -> "Arm":
        wanted = (self.rate, kl_warm_up, "bottom-up", ())
        return next(
            a for a in ARMS.values() if (a.rate, a.kl_warm_up, a.direction, a.widths) == wanted
        )


SLOW, FAST = 0.01, 0.05
TOP_DOWN: dict[str, Any] = {"direction": "top-down"}
WARM: dict[str, Any] = {"kl_warm_up": 0.6}
ARMS = {
    arm.name: arm
    for arm in (
        Arm("slow", "a peak rate of 0.01", SLOW, 20),
        Arm("slow-warm", "the slow rate, KL warm-up", SLOW, 8, **WARM),
        Arm("slow-top-down", "the slow rate, top-down encoder", SLOW, 8, **TOP_DOWN),
        Arm("slow-both", "the slow rate, warm-up and top-down", SLOW, 5, **WARM, **TOP_DOWN),
        Arm("fast", "five times that rate", FAST, 6),
        Arm("fast-warm", "the fast rate, KL warm-up", FAST, 8, **WARM),
        Arm("fast-top-down", "the fast rate, top-down encoder", FAST, 8, **TOP_DOWN),
        Arm("swapped", "the fast rate, widths swapped", FAST, 4, widths=((1, 55), (5, 128))),
    )
}


def equal_chain(depth: int, direction: str = "bottom-up") -> Architecture:
    """The chain of that depth whose number of parameters is closest to that of one layer of 128.

    Raises ValueError for a depth below 1.
    """
    depth = require_count("depth", depth)
    wanted = parameter_count(chain(1, WIDEST))
    chains = (chain(depth, width, direction) for width in range(1, WIDEST + 1))
    return min(chains, key=lambda c: abs(parameter_count(c) - wanted))


def chain(depth: int, width: int, direction: str = "bottom-up") -> Architecture:
    """64 pixels, `depth` layers of 8 latents, nets of one hidden layer, Binomial(16) pixels.

    Raises ValueError for a depth or a width below 1.
    """
    depth = require_count("depth", depth)
    width = require_count("width", width)
    hidden = ((width,),) * depth
    return Architecture(64, (LATENTS,) * depth, hidden, "binomial", direction=direction)


def parameter_count(chain: Architecture) -> int:
    """How many numbers it learns, net by net: hidden·(inputs + 1) + outputs·(hidden + 1).

    For 64 pixels and eight latents a layer (154 h + 80) + (T − 1)(50 h + 32).  (Eq. 11.7)
    From the top, where an encoder reads the h features of the one below in place of its eight
    latents, (154 h + 80) + (T − 1)(h² + 42 h + 32). Raises ValueError unless every net has one
    hidden layer, and all have one width.
    """
    if len(set(chain.hidden)) != 1 or len(chain.hidden[0]) != 1:
        raise ValueError(f"every net must have one hidden layer of one width, got {chain.hidden}")
    width = chain.hidden[0][0]
    total = 0
    for level, (low, high) in enumerate(pairwise((chain.data, *chain.latents))):
        down = low if level == 0 else 2 * low  # logits; above them means and log stds
        read = width if level and chain.direction == "top-down" else low
        total += width * (read + 1 + high + 1) + (2 * high + down) * (width + 1)
    return total


def split_digits() -> tuple[Tensor, Tensor]:
    """1,500 training and 297 held-out images, (N, 64) counts 0..16, always the same split."""
    counts = load_digits().images.flatten(1).float()
    source = Generator().manual_seed(0)
    order = torch.randperm(len(counts), generator=source, device="cpu")
    return counts[order[:TRAINING]], counts[order[TRAINING:]]


def run(arm: Arm, depth: int, seed: int, *, epochs: int = EPOCHS) -> dict[str, Any]:
    """Trains one chain and returns its figures, all means per image in nats.

    train_elbo, elbo: on the training and the held-out images, 50 samples of q an image.
    log_p: of the held-out images, by importance sampling with k = 500 samples of q an image.
    rates, active: what each layer costs (held out), and its active units (training images).
    curve: the training ELBO as the training saw it, at ten epochs. failed: whether the bound
    stopped being finite; the figures are then missing.
    The seed and the depth decide the first weights, the order of the images and the noise.
    Raises ValueError if the arm has no such chain, or seed or epochs make no sense.
    """
    chains = _chains(arm)
    if depth not in chains:
        raise ValueError(f"arm {arm.name!r} has chains of depth {list(chains)}, got {depth!r}")
    train, test = split_digits()
    source = 1_000 * depth + require_count("seed", seed, least=0)
    model = chains[depth].build(seed=source, data_mean=train.mean(0) / 16)
    settings = Settings(epochs, BATCH, arm.rate, WARMUP, seed=source)
    row: dict[str, Any] = {"arm": arm.name, "depth": depth, "seed": seed}
    try:
        history = fit(model, train, settings, objective=_objective(arm), progress_bar=False)
    except TrainingDiverged:
        return row | {"failed": True}
    return row | {"failed": False} | _figures(model, train, test, source) | _curve(history)


def study_settings(epochs: int = EPOCHS) -> dict[str, Any]:
    """All that a run depends on besides its arm, depth and seed, as plain values."""
    return {
        "images": "digits, 8×8, Binomial(16)",
        "training_images": TRAINING,
        "epochs": epochs,
        "steps": epochs * math.ceil(TRAINING / BATCH),
        "batch": BATCH,
        "optimiser": "adam, linear warm-up, cosine to zero",
        "warm_up_steps": WARMUP,
        "latents": LATENTS,
        "elbo_samples": SAMPLES,
        "k": K,
        "arms": {name: _plain_values(arm) for name, arm in ARMS.items()},
    }


def _chains(arm: Arm) -> dict[int, Architecture]:
    """Its chains. Raises ValueError unless it is an arm."""
    if not isinstance(arm, Arm):
        raise ValueError(f"arm must be an Arm, such as ARMS['slow'], got {arm!r}")
    return arm.chains


def _objective(arm: Arm) -> Objective:
    """The ELBO, or the same with its costs warmed up."""
    return warm_up(arm.kl_warm_up) if arm.kl_warm_up else elbo


def _plain_values(arm: Arm) -> dict[str, Any]:
    """An arm as plain values, with the hidden width and the parameters of each of its chains."""
    return {
        "rate": arm.rate,
        "kl_warm_up": arm.kl_warm_up,
        "direction": arm.direction,
        "hidden": {str(depth): c.hidden[0][0] for depth, c in arm.chains.items()},
        "parameters": {str(depth): parameter_count(c) for depth, c in arm.chains.items()},
    }


def _figures(model: HVAE, train: Tensor, test: Tensor, seed: int) -> dict[str, Any]:
    """The trained model's figures; see `run`."""
    generator = Generator().manual_seed(2**30 + seed)
    seen = rate_distortion(model, train, samples=SAMPLES, generator=generator)
    held_out = rate_distortion(model, test, samples=SAMPLES, generator=generator)
    evidence = sampled_log_evidence(model, test, k=K, seed=1)
    return {
        "train_elbo": _mean(seen.elbo),
        "elbo": _mean(held_out.elbo),
        "log_p": -evidence.nll,
        "log_p_error": evidence.monte_carlo_error,
        "rates": [_mean(layer) for layer in held_out.costs],
        "active": active_units(model, train, generator=generator),
    }


def _curve(history: History) -> dict[str, Any]:
    """The training ELBO at MARKS epochs up to the last, and the processor time."""
    last = len(history)
    epochs = sorted({max(1, last * i // MARKS) for i in range(1, MARKS + 1)})
    return {
        "curve_epochs": epochs,
        "curve": [history["elbo"][epoch - 1] for epoch in epochs],
        "core_seconds": sum(history["core_seconds"]),
    }


def _mean(values: Tensor) -> float:
    return values.double().mean().item()
