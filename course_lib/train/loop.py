"""The one training loop of the course: flat, and short enough to be read aloud."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Generator, Tensor, nn

from course_lib.arguments import NotFiniteError, require_tensor
from course_lib.train import objectives
from course_lib.train.products import fast_products
from course_lib.train.progress import Bar, open_bar
from course_lib.train.state import History, Settings, TrainingState


class TrainingDiverged(FloatingPointError):
    """A weight, a term, the bound or a gradient stopped being finite; the message says what to try.

    A class of its own, because NumPy raises FloatingPointError too, if it is told to.
    """


class Prepare(Protocol):
    """Turns a batch of stored data into model input, anew at every visit, such as data.binarise."""

    def __call__(self, batch: Tensor, /, *, generator: Generator) -> Tensor:
        """Model input for `batch`."""
        ...


def as_it_is(batch: Tensor, /, *, generator: Generator) -> Tensor:
    """The batch itself."""
    return batch


@torch.inference_mode(False)  # learns also where the caller has switched gradients off
def fit(
    model: nn.Module,
    data: Tensor,
    settings: Settings,
    *,
    prepare: Prepare = as_it_is,
    objective: objectives.Objective = objectives.elbo,
    checkpoint: Path | None = None,
    resume: bool = False,
    every: float = 60.0,
    measure: Callable[[int], dict[str, float]] | None = None,
    report: Callable[[dict[str, float]], None] | None = None,
    about: Mapping[str, Any] | None = None,
    progress_bar: bool = True,
) -> History:
    """Maximises the mean bound over `data` and leaves the result in `model`.  (Eq. 9.6)

    data: (N, D), on the device of the weights, where all is computed; prepare turns a batch of it
    into model input. With `checkpoint`, the whole state is written there at the end of an epoch, at
    most every `every` seconds, and after the last; with `resume`, training goes on from it, on the
    same kind of device, and ends with the same weights, bit for bit. about: what else a checkpoint
    says of this training, as plain values of JSON; one that says otherwise is refused. measure is
    called with the number of each epoch that is over, and what it returns joins the epoch's row of
    the history, with which report is then called.
    Raises ValueError if data is empty or unfit for the model, no weight may change, the objective
    returns something else than (batch,) numbers by name, or the checkpoint is not given or does not
    fit; TrainingDiverged, a FloatingPointError, if the bound,
    what leads to it, or a weight at the end of an epoch is NaN or infinite: nothing is saved then.
    """
    objectives.require_objective(objective)
    state = _at_the_start(model, data, settings, about)
    if resume:
        if checkpoint is None:
            raise ValueError("resume=True needs the checkpoint to go on from, got None")
        state.restore(checkpoint)
    saved = time.monotonic()
    off = not progress_bar
    with closing(open_bar(settings.epochs, done=state.epoch, unit="epoch", disable=off)) as bar:
        while state.epoch < settings.epochs:
            with _products(state):
                row = _epoch(state, data, prepare, objective)
            _show(bar, row)
            _add_measured(row, measure, state)
            if report is not None:
                report(row)
            done = state.epoch == settings.epochs
            if checkpoint is not None and (done or time.monotonic() - saved >= every):
                state.save(checkpoint)
                saved = time.monotonic()
    state.adopt_average()
    return state.history


def _at_the_start(
    model: nn.Module, data: Tensor, settings: Settings, about: Mapping[str, Any] | None
) -> TrainingState:
    """A training of which no step is done. Raises ValueError as `fit` does."""
    if require_tensor("data", data).ndim != 2 or len(data) == 0:
        raise ValueError(f"data must be (N, D) with N ≥ 1, got shape {tuple(data.shape)}")
    if not isinstance(settings, Settings):
        raise ValueError(f"settings must be Settings(epochs, …), got {settings!r}")
    state = TrainingState(model, settings, len(data), about)
    if data.device != state.device:
        raise ValueError(
            f"data must be on {state.device}, as the weights are, got {data.device}; "
            f'move it with .to("{state.device}")'
        )
    return state


def _epoch(
    state: TrainingState, data: Tensor, prepare: Prepare, objective: objectives.Objective
) -> dict[str, float]:
    """Every image once, in a fresh order. Returns the row that it adds to the history."""
    start, tally = time.process_time(), Tally()
    for index in state.batches():
        x = prepare(torch.index_select(data, 0, index), generator=state.generator)
        with _precision(state), _located(state):
            found = objective(state.model, x, generator=state.generator, progress=state.progress)
        bound, terms = objectives.require_bound(found, len(x))
        loss = -_require_slope(bound).mean()
        _require_finite(loss, terms, state)
        state.descend(loss)
        tally.add(len(x), terms)
    _require_finite_weights(state)
    row = tally.row(state, time.process_time() - start)
    state.history.rows.append(row)
    return row


def _require_slope(bound: Tensor) -> Tensor:
    """Raises ValueError if no weight that may change has a part in the bound."""
    if not bound.requires_grad:
        raise ValueError(
            "the bound does not depend on any weight that may change: it was detached, or all the "
            "weights in it are frozen; call requires_grad_(True) on those that are to be trained"
        )
    return bound


class Tally:
    """The named terms of an epoch, added up as they come, in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.sums: dict[str, Tensor] = {}

    def add(self, count: int, terms: dict[str, Tensor]) -> None:
        """Adds one batch's terms, each (batch,)."""
        self.count += count
        for name, value in terms.items():
            total = value.detach().sum(dtype=torch.float64)
            self.sums[name] = self.sums[name].add_(total) if name in self.sums else total

    def row(self, state: TrainingState, seconds: float) -> dict[str, float]:
        """The epoch's row of the history: means per example, in nats."""
        rate = state.settings.rate(state.step - 1, state.steps)
        row: dict[str, float] = {"epoch": state.epoch + 1, "core_seconds": seconds, "rate": rate}
        return row | {name: total.item() / self.count for name, total in self.sums.items()}


def _precision(state: TrainingState) -> AbstractContextManager[Any]:
    """bfloat16 for matrix products if asked for."""
    if state.settings.precision == "bfloat16":
        return torch.autocast(state.device.type, torch.bfloat16)
    return nullcontext()


def _products(state: TrainingState) -> AbstractContextManager[Any]:
    """How bfloat16 matrices are multiplied; torch's Muon does so whatever the precision."""
    if state.settings.precision == "bfloat16" or state.settings.optimiser == "muon":
        return fast_products(state.device)
    return nullcontext()


def _require_finite(loss: Tensor, terms: dict[str, Tensor], state: TrainingState) -> None:
    """Raises TrainingDiverged with step, terms and what to try, unless `loss` is finite."""
    if math.isfinite(loss.item()):
        return
    means = {name: value.detach().mean().item() for name, value in terms.items()}
    shown = ", ".join(f"{name} {value:g}" for name, value in means.items())
    raise TrainingDiverged(
        f"{_at_step(state)}: the bound is not finite ({shown}). {_advice(state)}"
    )


def _require_finite_weights(state: TrainingState) -> None:
    """Raises TrainingDiverged if a gradient has spoilt a weight: a finite bound may have one."""
    if not _weights_are_finite(state):
        raise TrainingDiverged(f"{_at_step(state)}: a weight is not finite. {_advice(state)}")


@contextmanager
def _located(state: TrainingState) -> Iterator[None]:
    """Says at which step a model refused its input; NaN and infinities are the training's fault.

    So is whatever a model of one's own complains of once its weights are not finite.
    """
    try:
        yield
    except (ValueError, RuntimeError) as error:
        if isinstance(error, NotFiniteError) or not _weights_are_finite(state):
            raise TrainingDiverged(f"{_at_step(state)}: {error}. {_advice(state)}") from error
        if isinstance(error, ValueError):
            raise ValueError(f"{_at_step(state)}: {error}") from error
        raise


def _weights_are_finite(state: TrainingState) -> bool:
    return all(bool(torch.isfinite(parameter).all()) for parameter in state.parameters)


def _at_step(state: TrainingState) -> str:
    return f"step {state.step} (epoch {state.epoch + 1})"


def _advice(state: TrainingState) -> str:
    return (
        f"Try a smaller learning rate (now {state.settings.learning_rate:g}) or a longer warm-up "
        f"(now {state.settings.warmup} steps), and look for NaN in the data"
    )


def _add_measured(
    row: dict[str, float], measure: Callable[[int], dict[str, float]] | None, state: TrainingState
) -> None:
    """Adds to the row of an epoch what is measured after it, under names of its own."""
    if measure is None:
        return
    with _located(state):
        measured = measure(state.epoch)
    twice = sorted(row.keys() & measured.keys())
    if twice:
        raise ValueError(f"measure must give names of its own, the history has {twice[0]!r}")
    row.update(measured)


def _show(bar: Bar, row: dict[str, float]) -> None:
    """One epoch's figures on the progress bar."""
    shown = {k: f"{v:.2f}" for k, v in row.items() if k not in objectives.OF_THE_EPOCH}
    bar.set_postfix(shown, refresh=False)
    bar.update()
