"""The training loop: what it computes, and that neither a kill nor a bad file can spoil it."""

import contextlib
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from course_lib import checkpoint
from course_lib.distributions import DiagonalGaussian
from course_lib.nets import LIKELIHOODS, GaussianNet
from course_lib.shipped import RECIPES, NamedObjective, Recipe, command, load_model, train_recipe
from course_lib.train import (
    Settings,
    Trainable,
    TrainingDiverged,
    fit,
    free_bits,
    importance_weighted,
    objectives,
    warm_up,
)
from course_lib.train.state import TrainingState
from course_lib.vae import HVAE, VAE, Architecture

TINY = Architecture(6, (2,), ((5,),))


def data(count: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return (torch.rand(count, 6, generator=generator) < 0.3).float()


def tiny(seed: int = 0, architecture: Architecture = TINY) -> HVAE:
    return architecture.build(seed=seed)


def equal_weights(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().items(), b.state_dict().items(), strict=True)
    return all(k == j and torch.equal(v, w) for (k, v), (j, w) in pairs)


@pytest.mark.parametrize("optimiser", ["adam", "muon"])
def test_the_same_settings_give_the_same_weights_and_another_seed_others(optimiser: str) -> None:
    models = []
    for seed in (1, 1, 2):
        model = tiny()
        fit(
            model, data(), Settings(3, 16, 1e-2, optimiser=optimiser, seed=seed), progress_bar=False
        )
        models.append(model)
    assert equal_weights(models[0], models[1])
    assert not equal_weights(models[0], models[2])


def test_training_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    fit(tiny(), data(), Settings(1, 16), progress_bar=False)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.equation("9.6")
def test_one_step_of_adam_by_hand() -> None:
    """The first Adam step moves each weight by rate · g/(|g| + ε), uphill in the mean ELBO."""
    settings = Settings(1, 64, 1e-3)
    model, twin = tiny(), tiny()
    state = TrainingState(twin, settings, 64)
    (index,) = state.batches()
    bound = twin.terms(data()[index], generator=state.generator).elbo.mean()
    gradients = torch.autograd.grad(bound, list(twin.parameters()))
    fit(model, data(), settings, progress_bar=False)
    for weight, start, g in zip(model.parameters(), twin.parameters(), gradients, strict=True):
        expected = start + 1e-3 * g / (g.abs() + 1e-8)
        # float32 rounding of a weight of order one
        torch.testing.assert_close(weight, expected, rtol=0, atol=3e-7)


def test_the_schedule_rises_linearly_and_falls_on_a_cosine() -> None:
    settings = Settings(1, learning_rate=2.0, warmup=9)
    assert settings.rate(0, 10**6) == pytest.approx(0.2)
    assert settings.rate(9, 10**6) == pytest.approx(2.0, rel=1e-9)
    assert settings.rate(500_000, 10**6) == pytest.approx(1.0)
    assert settings.rate(999_999, 10**6) < 1e-11


def test_a_long_warm_up_never_reaches_the_peak() -> None:
    """Rise times fall: (s + 1)/51 · ½(1 + cos(πs/100)) is greatest, 0.52664, at s = 41."""
    settings = Settings(10, learning_rate=1.0, warmup=50)
    rates = [settings.rate(step, 100) for step in range(100)]
    assert max(rates) == rates[41] == pytest.approx(0.52664, abs=5e-6)


def test_the_average_of_the_weights_is_what_the_recurrence_says() -> None:
    model = nn.Linear(1, 1, bias=False)
    state = TrainingState(model, Settings(10, 1, 0.1, average=0.5), 1)
    average = model.weight.item()
    for step in range(1, 8):
        state.descend(model.weight.sum())
        decay = min(0.5, step / (step + 10))
        average = decay * average + (1 - decay) * model.weight.item()
    state.adopt_average()
    assert model.weight.item() == pytest.approx(average, rel=1e-6)


def test_the_history_holds_the_means_over_the_epoch() -> None:
    """A rate of almost zero: the weights stand still, so the epoch's mean can be computed again."""
    settings = Settings(2, 24, 1e-30)
    model = tiny()
    history = fit(model, data(), settings, progress_bar=False)
    state = TrainingState(model, settings, 64)
    for row in history.rows:
        total = 0.0
        for index in state.batches():
            total += model.elbo(data()[index], generator=state.generator).sum().item()
        assert row["elbo"] == pytest.approx(total / 64, rel=1e-5)
        assert row["elbo"] == pytest.approx(row["reconstruction"] - row["cost_1"], rel=1e-5)
    assert history["epoch"] == [1, 2]


def test_a_training_run_finds_the_maximum_likelihood_gaussian() -> None:
    """An affine VAE on Gaussian data reaches the log-likelihood of the data's own covariance.

    With one latent and D = 2, W Wᵀ + σ² I can be any covariance with a smallest eigenvalue σ², and
    the affine q can be the posterior, so the best mean ELBO is the Gaussian's own mean log p.
    """
    generator = torch.Generator().manual_seed(0)
    mix = torch.tensor([[2.0, 0.0], [1.0, 0.5]])
    x = torch.randn(512, 2, generator=generator) @ mix.T
    x = x - x.mean(0)
    covariance = x.T @ x / len(x)
    best = -0.5 * (2 * math.log(2 * math.pi) + torch.logdet(covariance).item() + 2)
    model = VAE(
        GaussianNet(2, (), 1, std="learned", generator=generator),
        GaussianNet(1, (), 2, std="learned", generator=generator),
    )
    fit(model, x, Settings(150, 128, 3e-2), progress_bar=False)
    found = model.elbo(x, (400,), generator=generator)
    error = found.mean(1).std().item() / math.sqrt(400)
    # 0.02 nats: what 600 steps leave over; 3 standard errors: what 400 samples of q leave over
    assert best - 0.02 - 3 * error <= found.mean().item() <= best + 3 * error


@pytest.mark.parametrize(
    "objective", [importance_weighted(3), warm_up(0.5), free_bits(0.3), objectives.elbo]
)
def test_resume_ends_with_the_same_weights(objective: objectives.Objective, tmp_path: Path) -> None:
    settings = Settings(6, 24, 1e-2, warmup=3, optimiser="muon", average=0.9, precision="bfloat16")
    whole = tiny(architecture=Architecture(6, (3, 2), ((5,), (4,)), learned_prior=True))
    fit(whole, data(), settings, objective=objective, progress_bar=False)
    parts = tiny(architecture=Architecture(6, (3, 2), ((5,), (4,)), learned_prior=True))
    path = tmp_path / "a.training"

    class Stop(Exception):
        pass

    def stop(row: dict[str, float]) -> None:
        if row["epoch"] == 4:
            raise Stop

    with pytest.raises(Stop):
        fit(
            parts,
            data(),
            settings,
            objective=objective,
            checkpoint=path,
            every=0,
            report=stop,
            progress_bar=False,
        )
    fresh = tiny(seed=9, architecture=Architecture(6, (3, 2), ((5,), (4,)), learned_prior=True))
    history = fit(
        fresh,
        data(),
        settings,
        objective=objective,
        checkpoint=path,
        resume=True,
        progress_bar=False,
    )
    assert equal_weights(whole, fresh)
    assert not equal_weights(whole, parts)
    assert history["epoch"] == [1, 2, 3, 4, 5, 6]


NURSERY = """
import os, sys, torch
from pathlib import Path
from course_lib.train import Settings, fit
from course_lib.vae import Architecture

def train(path):
    data = (torch.rand(96, 30, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    model = Architecture(30, (4, 2), ((20,), (10,))).build(seed=0)
    settings = Settings(24, 24, 1e-2, warmup=5, optimiser="muon", average=0.9)
    fit(model, data, settings, checkpoint=path, resume=path.exists(), every=0, progress_bar=False)

torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # imports what every child would import
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        train(Path(line.strip()))
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
KILLS = int(os.environ.get("COURSE_KILLS", "4"))


class Nursery:
    """Starts trainings as processes of their own, at the price of a fork instead of an import."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Nursery":
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def train(self, path: Path, kill_after: float | None = None) -> int:
        """Trains with checkpoints at `path`, perhaps up to a SIGKILL; returns the exit status."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        child = int(self.process.stdout.readline())
        if kill_after is not None:
            time.sleep(kill_after)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return int(self.process.stdout.readline())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_killed_at_random_moments_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    """SIGKILL, wherever it strikes: in a step, while a checkpoint is written, before the first."""
    moments, path = random.Random(0), tmp_path / "killed.training"
    with Nursery() as nursery:
        begun = time.monotonic()
        assert nursery.train(tmp_path / "whole.training") == 0
        length = time.monotonic() - begun
        kills = [moments.uniform(0, 1.5 * length / KILLS) for _ in range(KILLS)]
        ends = [nursery.train(path, moment) for moment in kills]
        assert nursery.train(path) == 0
    assert signal.SIGKILL in ends
    expected, about = checkpoint.load(tmp_path / "whole.training")
    found, again = checkpoint.load(path)
    assert len(again["history"]) == len(about["history"]) == 24
    assert found.keys() == expected.keys()
    for name, value in expected.items():  # weights, averages, moments, generator
        assert torch.equal(found[name], value), name
    print(f"{ends.count(signal.SIGKILL)} of {KILLS} kills struck; training takes {length:.1f} s")


def test_resume_refuses_what_is_not_its_own(tmp_path: Path) -> None:
    settings = Settings(2, 16, 1e-2)
    path = tmp_path / "a.training"
    fit(tiny(), data(), settings, checkpoint=path, progress_bar=False)

    def resume(model: Any, count: int, settings: Settings) -> None:
        fit(model, data(count), settings, checkpoint=path, resume=True, progress_bar=False)

    with pytest.raises(ValueError, match="made with epochs 2, now it is 3"):
        resume(tiny(), 64, replace(settings, epochs=3))
    with pytest.raises(ValueError, match=r"made with learning_rate 0\.01, now it is 0\.02"):
        resume(tiny(), 64, replace(settings, learning_rate=2e-2))
    with pytest.raises(ValueError, match="made with images 64, now it is 48"):
        resume(tiny(), 48, settings)
    with pytest.raises(ValueError, match="of another architecture: for encoders"):
        resume(tiny(architecture=Architecture(6, (3,), ((5,),))), 64, settings)
    deep = Architecture(6, (2, 2), ((5,), (5,)))
    with pytest.raises(ValueError, match=r"the model has \(5, 2\), the file has nothing"):
        resume(tiny(architecture=deep), 64, settings)
    checkpoint.save(path, {}, {"kind": "model"})
    with pytest.raises(ValueError, match="holds a model, not a training to resume"):
        resume(tiny(), 64, settings)


def test_resume_refuses_a_checkpoint_that_says_it_is_of_something_else(tmp_path: Path) -> None:
    """Two recipes may share sizes and settings, and differ in their objective alone."""
    path = tmp_path / "a.training"

    def train(about: dict[str, Any] | None, resume: bool) -> None:
        fit(
            tiny(),
            data(),
            Settings(2, 16, 1e-2),
            about=about,
            checkpoint=path,
            resume=resume,
            progress_bar=False,
        )

    train({"recipe": "one", "objective": ["elbo"]}, resume=False)
    train({"recipe": "one", "objective": ["elbo"]}, resume=True)
    with pytest.raises(ValueError, match="made with recipe one, now it is two"):
        train({"recipe": "two", "objective": ["elbo"]}, resume=True)
    with pytest.raises(ValueError, match=r"objective \['elbo'\], now it is \['warm_up', 0\.5\]"):
        train({"recipe": "one", "objective": ["warm_up", 0.5]}, resume=True)
    train(None, resume=False)  # as files of the first edition, which did not say it
    train({"recipe": "one", "objective": ["elbo"]}, resume=True)


def bound_of(x: Tensor, model: nn.Module) -> Tensor:
    """(batch,), and it depends on the weights."""
    return sum(p.sum() for p in model.parameters()) - x.sum(1)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda b: b, r"must return the bound and its terms by name, such as \(elbo, "),
        (lambda b: (b, b), r"must return the bound and its terms by name, such as \(elbo, "),
        (lambda b: (b.mean(), {}), r"must return the bound as \(16,\), .* got shape \(\)"),
        (lambda b: (b, {"elbo": b.mean()}), r"return elbo as \(16,\), .* got shape \(\)"),
        (lambda b: (b, {"elbo": b.expand(5, -1)}), r"elbo as \(16,\), .* got shape \(5, 16\)"),
        (lambda b: (b, {"elbo": 1.5}), r"return elbo as \(16,\), .* got 1\.5"),
        (lambda b: (b, {"epoch": b}), "must give its terms other names than 'epoch'"),
    ],
)
def test_an_objective_that_returns_something_else_is_refused(
    returned: Callable[[Tensor], object], message: str
) -> None:
    """A mean in place of a number an example would stand in the history, wrong by the batch."""

    def own(model: nn.Module, x: Tensor, *, generator: Generator, progress: float) -> Any:
        return returned(bound_of(x, model))

    with pytest.raises(ValueError, match=message):
        fit(tiny(), data(), Settings(1, 16, 1e-2), objective=own, progress_bar=False)


def test_the_history_holds_means_over_all_examples() -> None:
    """The last batch is smaller, so a mean of the batches' means would be another number."""
    x = data(40)
    means: list[float] = []

    def own(model: nn.Module, x: Tensor, *, generator: Generator, progress: float) -> Any:
        means.append(x.sum(1).mean().item())
        return bound_of(x, model), {"ink": x.sum(1)}

    (row,) = fit(tiny(), x, Settings(1, 16), objective=own, progress_bar=False).rows
    assert row["ink"] == pytest.approx(x.sum().item() / 40, rel=1e-12)
    assert row["ink"] != pytest.approx(sum(means) / 3, rel=1e-4)


def fit_spoilt(settings: Settings, objective: Any, path: Path) -> None:
    """A training whose objective goes wrong on the way, saved after every epoch."""
    fit(
        tiny(),
        data(),
        settings,
        objective=objective,
        checkpoint=path,
        every=0,
        progress_bar=False,
    )


def test_a_diverging_training_says_where_and_what_to_try_and_keeps_its_checkpoint(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.training"

    def spoil(model: Trainable, x: Tensor, *, generator: Generator, progress: float) -> object:
        bound, terms = objectives.elbo(model, x, generator=generator, progress=progress)
        return bound * (math.inf if progress >= 0.5 else 1.0), terms

    settings = Settings(4, 32, 1e-2, warmup=7)
    with pytest.raises(FloatingPointError) as caught:
        fit_spoilt(settings, spoil, path)
    for part in ("step 4 (epoch 3)", "reconstruction", "cost_1", "(now 0.01)", "(now 7 steps)"):
        assert part in str(caught.value)
    twin = tiny()
    state = TrainingState(twin, settings, 64)
    state.restore(path)
    assert state.epoch == 2


@pytest.mark.parametrize("average", [None, 0.9])
def test_weights_that_a_gradient_spoils_are_neither_saved_nor_returned(
    average: float | None, tmp_path: Path
) -> None:
    """√(0·w) is 0 and its slope in w is 0/0: after the last step no bound would ever show it."""

    def spoil(model: Any, x: Tensor, *, generator: Generator, progress: float) -> objectives.Bound:
        bound, terms = objectives.elbo(model, x, generator=generator, progress=progress)
        root = (0 * next(model.parameters()).sum()).sqrt()
        return bound + (root if progress > 0.8 else 0.0), terms

    path = tmp_path / "a.training"
    settings = Settings(4, 32, 1e-2, average=average)
    with pytest.raises(FloatingPointError, match=r"step 8 \(epoch 4\): .* not finite.*now 0.01"):
        fit_spoilt(settings, spoil, path)
    state = TrainingState(tiny(), settings, 64)
    state.restore(path)
    assert state.epoch == 3
    assert all(bool(p.isfinite().all()) for p in state.parameters)


def test_there_is_nothing_to_resume_without_a_checkpoint() -> None:
    with pytest.raises(ValueError, match="resume=True needs the checkpoint to go on from"):
        fit(tiny(), data(), Settings(1, 16), resume=True, progress_bar=False)


def test_a_rate_that_is_too_large_is_blamed_and_the_layer_named() -> None:
    with pytest.raises(
        FloatingPointError, match=r"step \d+ .*smaller learning rate \(now 1e\+38\)"
    ):
        fit(tiny(), data(), Settings(9, 16, 1e38), progress_bar=False)
    spoilt = data()
    spoilt[3, 2] = math.nan
    with pytest.raises(
        FloatingPointError, match=r"epoch 1\): encoder 1: .*look for NaN in the data"
    ):
        fit(tiny(), spoilt, Settings(1, 16), progress_bar=False)


@pytest.mark.parametrize("optimiser", ["adam", "muon"])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("depth", [1, 2])
def test_whatever_a_huge_rate_breaks_first_the_training_says_that_it_diverged(
    depth: int, likelihood: str, optimiser: str
) -> None:
    """Between 1e3 and 1e38 it is, in turn, the bound, a sample, logits, or an encoder's mean."""
    for rate in (1e3, 1e6, 1e12, 1e30, 1e38):
        model = Architecture(6, (2,) * depth, ((5,),) * depth, likelihood).build(seed=0)
        settings = Settings(3, 4, rate, optimiser=optimiser)
        with pytest.raises(TrainingDiverged, match=r"step \d .*smaller learning rate \(now 1"):
            fit(model, data(), settings, progress_bar=False)


class Foreign(nn.Module):
    """A model of one's own, with torch's distributions, whose errors are not this course's."""

    def __init__(self, likelihood: Callable[[Tensor], torch.distributions.Distribution]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(6))
        self.likelihood = likelihood

    def bound(
        self, model: object, x: Tensor, *, generator: Generator, progress: float
    ) -> objectives.Bound:
        value = self.likelihood(self.logits).log_prob(x).reshape(len(x), -1).sum(-1)
        return value + (0 * self.logits).sqrt().sum(), {"elbo": value}  # a slope of 0/0


@pytest.mark.parametrize(
    "likelihood",
    [
        lambda logits: torch.distributions.Bernoulli(logits=logits),  # a ValueError at NaN
        lambda logits: torch.distributions.MultivariateNormal(  # a RuntimeError
            torch.zeros(6), torch.linalg.cholesky(torch.eye(6) + logits.diag_embed()).detach()
        ),
    ],
)
def test_a_model_of_ones_own_that_breaks_at_nan_weights_has_diverged(
    likelihood: Callable[[Tensor], torch.distributions.Distribution],
) -> None:
    model: Any = Foreign(likelihood)
    with pytest.raises(TrainingDiverged, match=r"(?s)step 1 \(epoch 1\): .*smaller learning rate"):
        fit(model, data(), Settings(2, 16), objective=model.bound, progress_bar=False)


def test_one_weight_that_is_not_finite_is_enough() -> None:
    """The slope of one logit in six is 0/0; the other five stay what they were."""
    model: Any = Foreign(
        lambda logits: torch.distributions.Bernoulli(logits=logits, validate_args=True)
    )

    def bound(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Any:
        if bool(model.logits.isnan().any()):
            raise RuntimeError("no model of mine")
        value = torch.distributions.Bernoulli(logits=model.logits).log_prob(x).sum(-1)
        return value + (0 * model.logits[:1]).sqrt().sum(), {"elbo": value}

    with pytest.raises(TrainingDiverged, match="no model of mine"):
        fit(model, data(), Settings(2, 16), objective=bound, progress_bar=False)
    assert model.logits.isnan().sum() == 1


def test_a_fault_in_the_input_is_not_taken_for_divergence() -> None:
    """Its message speaks of finite numbers and of NaN; its class says what it is."""

    def complain(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Any:
        raise ValueError("a finite number of things, none of them NaN")

    with pytest.raises(ValueError, match=r"step 0 \(epoch 1\): a finite number of things"):
        fit(tiny(), data(), Settings(1, 16), objective=complain, progress_bar=False)

    def fail(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Any:
        raise RuntimeError("not finite")

    with pytest.raises(RuntimeError, match="^not finite$"):
        fit(tiny(), data(), Settings(1, 16), objective=fail, progress_bar=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: fit(m, [1, 2], Settings(1)), "data must be a tensor, got list"),  # type: ignore[arg-type]
        (
            lambda m: fit(m, data().to("meta"), Settings(1)),
            "data must be on cpu, as the weights.* got meta",
        ),
        (lambda m: fit(m, data(), 5), r"settings must be Settings\(epochs, …\), got 5"),  # type: ignore[arg-type]
        (lambda m: fit(TINY, data(), Settings(1)), "torch.nn.Module, .* got Architecture"),  # type: ignore[arg-type]
        (lambda m: fit(nn.Tanh(), data(), Settings(1)), "no weights to train: Tanh"),
        (lambda m: fit(m.encoders[0], data(), Settings(1)), "have terms.* got GaussianNet"),
        (
            lambda m: fit(m.to("meta"), data(), Settings(1)),
            "the model must be on the CPU, or all of it on one GPU, got meta",
        ),
        (
            lambda m: fit(m, data(), Settings(1), objective="elbo"),  # type: ignore[arg-type]
            "objective must be callable, .*got 'elbo'",
        ),
        (
            lambda m: fit(nn.Linear(6, 2), data(), Settings(1), objective=importance_weighted(2)),
            "have log_weights.* got Linear",
        ),
        (
            lambda m: fit(nn.Bilinear(6, 6, 2, False), data(), Settings(1, optimiser="muon")),
            "no matrices of weights",
        ),
    ],
)
def test_what_cannot_be_trained_is_named(call: Callable[[Any], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(tiny())


def test_weights_from_inference_mode_are_named() -> None:
    with torch.inference_mode():
        model = tiny().double()  # the library's own are fit to learn; converted ones are not
    with pytest.raises(ValueError, match="made under torch.inference_mode.*build it outside"):
        fit(model, data(), Settings(1), progress_bar=False)


def test_muon_trains_a_model_of_matrices_alone() -> None:
    model: Any = nn.Linear(6, 2, bias=False)

    def bound(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Any:
        value = -model(x).square().sum(-1)
        return value, {"elbo": value}

    before = model.weight.detach().square().sum().item()
    settings = Settings(20, 16, 1e-2, optimiser="muon")
    fit(model, data(), settings, objective=bound, progress_bar=False)
    assert model.weight.detach().square().sum().item() < before


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.zeros(0, 6), r"data must be \(N, D\) with N ≥ 1, got shape \(0, 6\)"),
        (torch.zeros(6), r"got shape \(6,\)"),
        (torch.zeros(9, 5), r"step 0 \(epoch 1\): encoder 1: value must have 6 entries"),
        (torch.zeros(9, 6, dtype=torch.uint8), "encoder 1: value must be torch.float32"),
        (torch.full((9, 6), 0.5), "grey pixels need ContinuousBernoulli or Binomial"),
        (torch.full((9, 6), 255.0), "0 or 1"),
    ],
)
def test_data_that_do_not_fit_the_model_are_named(bad: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(tiny(), bad, Settings(1, 4), progress_bar=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs .* at least 1, got 0"),
        ({"batch_size": 0}, "batch_size .* got 0"),
        ({"learning_rate": -1.0}, "learning_rate must be positive, got -1"),
        ({"learning_rate": math.nan}, "learning_rate must be finite, got nan"),
        ({"optimiser": "sgd"}, "optimiser must be one of .*, got 'sgd'"),
        ({"precision": "float16"}, "precision must be one of .*, got 'float16'"),
        ({"average": 1.0}, "average must lie between 0 and 1, got 1.0"),
        ({"warmup": -1}, "warmup .* at least 0, got -1"),
        ({"learning_rate": "fast"}, "learning_rate must be one number, got 'fast'"),
        ({"average": True}, "average must be one number, got True"),
        ({"seed": 1.5}, "seed must be a whole number .*got 1.5"),
        ({"seed": 2**64}, "seed must be a whole number .*got 18446744073709551616"),
    ],
)
def test_settings_that_make_no_sense_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**({"epochs": 1} | change))  # type: ignore[arg-type]


@pytest.mark.equation("9.5")
def test_the_objectives_are_what_their_papers_say(generator: Generator) -> None:
    model = Architecture(6, (3, 2), ((5,), (4,))).build(seed=0)

    def value(objective: objectives.Objective, progress: float = 0.0) -> Tensor:
        fresh = Generator().manual_seed(4)
        return objective(model, data(), generator=fresh, progress=progress)[0]

    terms = model.terms(data(), generator=Generator().manual_seed(4))
    torch.testing.assert_close(value(objectives.elbo), terms.elbo)
    half = value(warm_up(0.5, start=0.2), progress=0.25)  # β = 0.2 + 0.8 · ½ = 0.6
    torch.testing.assert_close(half, terms.reconstruction - 0.6 * terms.cost)
    assert torch.equal(value(warm_up(0.5), progress=0.7), terms.elbo)
    weights = model.log_weights(data(), 5, generator=Generator().manual_seed(4))
    expected = (weights.double().exp().mean(0)).log().float()
    torch.testing.assert_close(value(importance_weighted(5)), expected)


def test_free_bits_spare_a_quiet_layer_and_charge_a_loud_one() -> None:
    """The gradient is the KL's above the floor, none below it; after `until`, the ELBO's."""
    model = Architecture(6, (3, 2), ((5,), (4,))).build(seed=0)
    terms = model.terms(data(), generator=Generator().manual_seed(4))
    quiet = min(cost.mean().item() for cost in terms.costs)
    loud = max(cost.mean().item() for cost in terms.costs)
    assert 0 < quiet < loud
    for nats, progress, charged in [
        ((quiet + loud) / 2, 0.0, [cost for cost in terms.costs if cost.mean() > quiet]),
        (2 * loud, 0.0, []),
        (2 * loud, 0.6, list(terms.costs)),
        (0.0, 0.0, list(terms.costs)),
    ]:
        fresh = Generator().manual_seed(4)
        objective = free_bits(nats, until=0.5)
        bound, _ = objective(model, data(), generator=fresh, progress=progress)
        weights = list(model.encoders[1].parameters())
        expected: Tensor = terms.reconstruction - sum(charged)
        found = torch.autograd.grad(bound.sum(), weights, allow_unused=True)
        right = torch.autograd.grad(expected.sum(), weights, retain_graph=True, allow_unused=True)
        assert [a is None for a in found] == [b is None for b in right]
        for a, b in zip(found, right, strict=True):
            if a is not None:
                torch.testing.assert_close(a, b)


def test_free_bits_end_in_the_elbo_also_where_a_layer_costs_less_than_nothing() -> None:
    """A lower layer's cost is no KL, and here it is negative: the arrow p(z_1|z_2) is sharp
    where q(z_1|x) is wide, but q(z_2|z_1) goes to where the two agree."""
    model = Architecture(6, (1, 1), ((5,), (4,))).build(seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    one = DiagonalGaussian(torch.zeros(64, 1), torch.zeros(64, 1))
    model.encoders[0].forward = lambda x: one
    model.encoders[1].forward = lambda z: DiagonalGaussian(z, torch.full_like(z, -3.0))
    model.decoders[1].forward = lambda z: DiagonalGaussian(z, torch.full_like(z, -3.0))
    terms = model.terms(data(), generator=Generator().manual_seed(4))
    assert terms.costs[0].mean() < -1
    objective = free_bits(0.1, until=0.5)
    bound, _ = objective(model, data(), generator=Generator().manual_seed(4), progress=0.5)
    torch.testing.assert_close(bound, terms.elbo)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: warm_up(0.0), r"until must lie in \(0, 1\], got 0.0"),
        (lambda: warm_up(1.5), r"until must lie in \(0, 1\], got 1.5"),
        (lambda: warm_up(math.nan), "until must be finite, got nan"),
        (lambda: warm_up(0.5, start=-0.1), r"start must lie in \[0, 1\], got -0.1"),
        (lambda: free_bits(0.5, until=0.0), r"until must lie in \(0, 1\], got 0.0"),
        (lambda: free_bits(-1.0), "nats must be at least 0, got -1.0"),
        (lambda: free_bits(math.inf), "nats must be finite, got inf"),
        (lambda: importance_weighted(0), "k must be a whole number of at least 1, got 0"),
    ],
)
def test_objectives_that_make_no_sense_are_named(
    make: Callable[[], objectives.Objective], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_the_command_lists_trains_and_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(
        "small", "a test", Architecture(64, (2,), ((4,),), "binomial"), Settings(2), images="digits"
    )
    monkeypatch.setitem(RECIPES, "small", recipe)
    out = tmp_path / "small.safetensors"
    assert command.main(["--list"]) == 0
    assert "mnist_vae" in capsys.readouterr().out
    assert command.main(["nothing"]) == 2
    assert "no recipe 'nothing'; there are mnist_vae" in capsys.readouterr().err
    assert command.main(["small", "--out", str(out)]) == 0
    first = load_model(out)
    assert command.main(["small", "--out", str(out)]) == 2
    assert "add --resume" in capsys.readouterr().err
    assert command.main(["small", "--out", str(out), "--resume"]) == 0
    assert equal_weights(first, load_model(out))
    other_aim = replace(recipe, name="aimed", objective=NamedObjective("warm_up", (0.5,)))
    monkeypatch.setitem(RECIPES, "aimed", other_aim)
    assert command.main(["aimed", "--out", str(out), "--resume"]) == 2
    assert "was made with recipe small, now it is aimed" in capsys.readouterr().err
    assert not equal_weights(first, recipe.build())
    monkeypatch.setattr(command, "RUNS", tmp_path)
    assert command.main(["small", "--epochs", "1", "--seed", "5"]) == 0
    _, about = checkpoint.load(tmp_path / "small_epochs_1_seed_5.safetensors")
    assert (about["settings"]["epochs"], about["settings"]["seed"]) == (1, 5)
    other = tmp_path / "other.safetensors"
    assert command.main(["small", "--seed", "1", "--out", str(other)]) == 0
    assert not equal_weights(first, load_model(other))
    assert equal_weights(
        train_recipe(recipe.changed(seed=1), tmp_path / "1", progress_bar=False), load_model(other)
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume"], "name a recipe; --list shows them"),
        (["small", "small"], "small is named twice"),
        (["small", "--out", "."], "no model can be written to '.'"),
        (["small", "--out", ""], "no model can be written to '.'"),
        (["small", "--out", "a.training"], "no model can be written to 'a.training'"),
    ],
)
def test_the_command_refuses_before_it_trains(
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = Architecture(64, (2,), ((4,),), "binomial")
    monkeypatch.setitem(RECIPES, "small", Recipe("small", "", sizes, Settings(1), images="digits"))
    monkeypatch.chdir(tmp_path)
    assert command.main(words) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_models_whose_names_have_dots_have_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = Architecture(64, (2,), ((4,),), "binomial")
    monkeypatch.setitem(RECIPES, "small", Recipe("small", "", sizes, Settings(1), images="digits"))
    for seed, name in enumerate(("rate_0.5", "rate_0.25", "rate_0.5.safetensors")):
        out = str(tmp_path / "new" / name)
        done = command.main(["small", "--seed", str(seed), "--out", out])
        assert done == (2 if name.endswith("tensors") else 0)  # that one is rate_0.5 again
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names == {
        *("rate_0.5", "rate_0.5.training", "rate_0.5.curve.json"),
        *("rate_0.25", "rate_0.25.training", "rate_0.25.curve.json"),
    }


def test_a_file_says_which_objective_its_model_was_trained_on(tmp_path: Path) -> None:
    """A word and its numbers, from which the objective can be made again."""
    for named, written in (
        (NamedObjective("elbo"), ["elbo"]),
        (NamedObjective("importance_weighted", (5,)), ["importance_weighted", 5]),
        (NamedObjective("free_bits", (0.5, 0.3)), ["free_bits", 0.5, 0.3]),
    ):
        sizes = Architecture(64, (2,), ((4,),), "binomial")
        recipe = Recipe("small", "a test", sizes, Settings(1, 900), named, images="digits")
        out = tmp_path / "small.safetensors"
        train_recipe(recipe, out, progress_bar=False)
        _, about = checkpoint.load(out)
        word, *numbers = about["objective"]
        assert about["objective"] == written
        assert NamedObjective(word, tuple(numbers)) == named
        assert ("bound_5" in about["last_epoch"]) == (word == "importance_weighted")


@pytest.mark.parametrize(
    ("word", "numbers", "message"),
    [
        ("elbow", (), "objective must be one of .*'warm_up'.*, got 'elbow'"),
        ("warm_up", (), r"objective 'warm_up' got \(\): "),
        ("elbo", (1.0,), r"objective 'elbo' got \(1.0,\): "),
        ("importance_weighted", (0,), "k must be a whole number of at least 1, got 0"),
        ("free_bits", (-1.0,), r"nats must be at least 0, got -1\.0"),
        (
            "warm_up",
            (0.5, 0.0, 2.0),
            r"both a warm-up and a weight of its own, got \(0\.5, 0\.0, 2",
        ),
        ("warm_up", 0.5, r"numbers must be a tuple such as \(5,\), got 0\.5"),
    ],
)
def test_an_objective_that_there_is_not_is_named(
    word: str, numbers: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        NamedObjective(word, numbers)


@pytest.mark.parametrize(
    "objective",
    [
        (NamedObjective("warm_up", (0.5,)), NamedObjective("free_bits", (1.0,))),
        warm_up(0.5),
        "warm_up",
    ],
)
def test_a_recipe_has_one_objective_that_can_be_written_down(objective: Any) -> None:
    with pytest.raises(ValueError, match=r"recipe 'both' must have one objective.*; got "):
        Recipe("both", "", TINY, Settings(1), objective)


def test_a_training_of_the_first_edition_goes_on_under_the_names_of_now(tmp_path: Path) -> None:
    """What a layer costs was called its KL, also where it is none."""
    settings, path = Settings(4, 32), tmp_path / "a.training"
    old = TrainingState(tiny(), settings, 64)
    old.history.rows.append({"epoch": 1, "elbo": -3.0, "kl_1": 2.0, "kl_12": 1.0, "kl": 3.0})
    old.save(path)
    new = TrainingState(tiny(), settings, 64)
    new.restore(path)
    assert new.history.rows == [
        {"epoch": 1, "elbo": -3.0, "cost_1": 2.0, "cost_12": 1.0, "cost": 3.0}
    ]


def test_a_training_of_the_other_direction_is_refused(tmp_path: Path) -> None:
    """Also where all shapes agree: two widths of three, and features as wide as the latent."""
    sizes, path = Architecture(6, (3, 2), ((3,), (4,))), tmp_path / "a.training"
    fit(tiny(architecture=sizes), data(), Settings(1, 32), checkpoint=path, progress_bar=False)
    other = tiny(architecture=replace(sizes, direction="top-down"))
    with pytest.raises(ValueError, match="direction bottom-up.* top-down"):
        fit(other, data(), Settings(1, 32), checkpoint=path, resume=True, progress_bar=False)


def test_what_is_measured_after_an_epoch_joins_its_row() -> None:
    reported: list[dict[str, float]] = []

    def measure(epoch: int) -> dict[str, float]:
        return {"twice": 2 * epoch} if epoch != 2 else {}

    history = fit(
        tiny(),
        data(),
        Settings(3, 32),
        measure=measure,
        report=lambda row: reported.append(dict(row)),
        progress_bar=False,
    )
    assert [row.get("twice") for row in history.rows] == [2, None, 6]
    assert reported == history.rows
    with pytest.raises(KeyError, match="twice"):
        history["twice"]
    with pytest.raises(ValueError, match="names of its own, the history has 'elbo'"):
        fit(tiny(), data(), Settings(1), measure=lambda epoch: {"elbo": 0.0}, progress_bar=False)
