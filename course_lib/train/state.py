"""Everything that a training carries from one step to the next, and its way to disk and back.

If all of it is restored, the steps that follow are the same to the last bit: weights, their running
average, the optimisers' moments, the random generator, the step.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn

from course_lib import checkpoint
from course_lib.arguments import require_count, require_number, require_seed
from course_lib.train.optimisers import OPTIMISERS, optimisers_of

PRECISIONS = ("float32", "bfloat16")
DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class Settings:
    """How to train: nothing here depends on the clock or on the machine.

    learning_rate is multiplied by a rise, linear over `warmup` steps and then 1, and by a fall, a
    cosine from 1 towards 0 over all steps; if the warm-up is short it is the peak. optimiser:
    "adam" (fused), or "muon" (Muon on the matrices, Adam on the rest).
    average: decay of the running average of the weights, which then is the result; None for none.
    precision: of the matrix products, "float32" or "bfloat16" (on a processor that has no units for
    it, see `products`); everything else stays float32.
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 1e-3
    warmup: int = 0
    optimiser: str = "adam"
    average: float | None = None
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        self._keep(require_count, "epochs")
        self._keep(require_count, "batch_size")
        self._keep(require_count, "warmup", least=0)
        self._keep(require_seed, "seed")
        self._keep(require_number, "learning_rate", positive=True)
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser must be one of {OPTIMISERS}, got {self.optimiser!r}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {PRECISIONS}, got {self.precision!r}")
        if self.average is not None:
            self._keep(require_number, "average")
            if not 0 < self.average < 1:
                raise ValueError(f"average must lie between 0 and 1, got {self.average!r}")

    def _keep(self, require: Callable[..., float], name: str, **limits: int) -> None:
        """Checks one setting and keeps Python's number of it, the only kind that a file takes."""
        object.__setattr__(self, name, require(name, getattr(self, name), **limits))

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of step 0 ≤ step < steps: linear warm-up times cosine."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        return self.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / steps))


@dataclass
class History:
    """One row an epoch: epoch, core_seconds, rate, and the means of the named terms.

    core_seconds is processor time, whatever else the machine did; rate is the learning rate at the
    epoch's end. What was measured after some epochs stands in their rows alone.
    """

    rows: list[dict[str, float]] = field(default_factory=list)

    def __getitem__(self, name: str) -> list[float]:
        """One column, such as history["elbo"]. Raises KeyError if a row lacks it."""
        return [row[name] for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)


class TrainingState:
    """The moving parts of one training; see the module's docstring.

    All of it lies where the model's weights do, the random generator too; so another device draws
    other numbers, and ends with other weights. A file is written from the CPU.
    """

    def __init__(
        self,
        model: nn.Module,
        settings: Settings,
        size: int,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = _require_trainable(model)
        self.settings, self.size, self.about = settings, size, dict(about or {})
        self.parameters: list[Tensor] = list(model.parameters())
        self.device = self.parameters[0].device
        self.optimisers = optimisers_of(self.model, settings.optimiser, settings.learning_rate)
        self.generator = Generator(self.device).manual_seed(settings.seed)
        self.history = History()
        self.step = 0
        self.steps = settings.epochs * self.steps_an_epoch
        self.averages = [p.detach().clone() for p in self.parameters] if settings.average else []

    @property
    def steps_an_epoch(self) -> int:
        """As many as there are batches; the last may be smaller."""
        return math.ceil(self.size / self.settings.batch_size)

    @property
    def epoch(self) -> int:
        """How many epochs are complete."""
        return len(self.history)

    @property
    def progress(self) -> float:
        """0 at the first step, 1 at the end."""
        return self.step / self.steps

    def batches(self) -> Iterator[Tensor]:
        """The indices of one epoch's batches, a fresh permutation; the last may be smaller."""
        order = torch.randperm(self.size, generator=self.generator, device=self.device)
        size = self.settings.batch_size
        yield from (order[start : start + size] for start in range(0, self.size, size))

    def descend(self, loss: Tensor) -> None:
        """One step of every optimiser down the gradient of `loss`, at the schedule's rate."""
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()
        rate = self.settings.rate(self.step, self.steps)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
        self.step += 1
        if self.settings.average is not None:
            # The decay grows from 0, so that the first weights do not linger in the average.
            decay = min(self.settings.average, self.step / (self.step + 10))
            with torch.no_grad():
                torch._foreach_lerp_(self.averages, self.parameters, 1 - decay)

    @torch.no_grad()
    def adopt_average(self) -> None:
        """Puts the running average of the weights, if there is one, into the model."""
        for parameter, average in zip(self.parameters, self.averages, strict=False):
            parameter.copy_(average)

    def save(self, path: Path) -> None:
        """Writes all of it to `path`, atomically."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{i}": v for i, v in enumerate(self.averages)}
        for i, optimiser in enumerate(self.optimisers):
            for j, entry in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{i}.{j}.{key}": value for key, value in entry.items()}
        tensors["generator"] = self.generator.get_state()
        on_cpu = {name: value.cpu() for name, value in tensors.items()}
        checkpoint.save(path, on_cpu, self._about() | {"history": self.history.rows})

    def restore(self, path: Path) -> None:
        """Puts a saved state back.

        Raises ValueError if the file is damaged, of another architecture, no training's checkpoint,
        made with other settings, another number of images or on another kind of device, or says
        something else of itself than `about`.
        """
        tensors, about = checkpoint.load(path)
        # What older files do not say had no other value.
        about = {"direction": "bottom-up", "device": "cpu"} | self.about | about
        if about.get("kind") != "training":
            raise ValueError(
                f"{path} holds a {about.get('kind', 'file')}, not a training to resume"
            )
        for name, value in self._about().items():
            if about.get(name) != value:
                raise ValueError(
                    f"{path} was made with {name} {about.get(name)}, now it is {value}"
                )
        checkpoint.restore(self.model, _under("model.", tensors), source=str(path))
        for i, average in enumerate(self.averages):
            average.copy_(tensors[f"average.{i}"])
        for i, optimiser in enumerate(self.optimisers):
            _restore_optimiser(optimiser, _under(f"optimiser.{i}.", tensors))
        self.generator.set_state(tensors["generator"])
        self.history = History([_named_as_now(row) for row in about["history"]])
        self.step = self.epoch * self.steps_an_epoch

    def _about(self) -> dict[str, Any]:
        """What a checkpoint must agree on with the training that resumes it."""
        direction = getattr(self.model, "direction", "bottom-up")  # of a chain's encoder
        about = {"kind": "training", "images": self.size, "direction": direction}
        return self.about | about | {"device": self.device.type} | asdict(self.settings)


def _named_as_now(row: dict[str, float]) -> dict[str, float]:
    """A row of the history; what a layer costs was called its KL in 0.1.0."""
    return {re.sub(r"^kl(?=_\d+$|$)", "cost", name): value for name, value in row.items()}


def _require_trainable(model: nn.Module) -> nn.Module:
    """Raises ValueError unless it has weights, on one device, of which one at least may change."""
    if not isinstance(model, nn.Module):
        raise ValueError(
            "model must be a torch.nn.Module, such as Architecture(…).build(seed=0), got "
            f"{type(model).__name__}"
        )
    weights = list(model.parameters())
    if not weights:
        raise ValueError(f"the model has no weights to train: {type(model).__name__}.parameters()")
    for weight in weights:
        if weight.device.type not in DEVICES or weight.device != weights[0].device:
            raise ValueError(
                "the model must be on the CPU, or all of it on one GPU, got "
                f"{weight.device} beside {weights[0].device}"
            )
        if weight.is_inference():
            raise ValueError(
                "the model was made under torch.inference_mode(), so its weights can never learn; "
                "build it outside"
            )
    if not any(weight.requires_grad for weight in weights):
        raise ValueError(
            f"all {len(weights)} weight tensors of the model are frozen, as load_model gives them; "
            "call model.requires_grad_(True) to train it"
        )
    return model


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Rebuilds an optimiser's state from the names "index.key"."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
