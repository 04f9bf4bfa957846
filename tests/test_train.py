"""The training loop: what it computes, and that neither a kill nor a bad file can spoil it."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from course_lib.nets import GaussianNet
from course_lib.train import Settings, fit, free_bits, importance_weighted, objectives, warm_up
from course_lib.train.state import TrainingState
from course_lib.vae import VAE, Architecture

TINY = Architecture(6, (2,), ((5,),))


def data(count: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return (torch.rand(count, 6, generator=generator) < 0.3).float()


def tiny(seed: int = 0, architecture: Architecture = TINY) -> nn.Module:
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


@pytest.mark.equation("9.3")
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
        assert row["elbo"] == pytest.approx(row["reconstruction"] - row["kl_1"], rel=1e-5)
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
