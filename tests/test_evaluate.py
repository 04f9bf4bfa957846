"""Estimates of a trained model's worth against worlds where the answer is known."""

import functools
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy import integrate
from torch import Generator, Tensor, nn

from course_lib import bounds, checkpoint
from course_lib.distributions import DiagonalGaussian, kl_divergence
from course_lib.evaluate import (
    SampledLogEvidence,
    command,
    inference_gap,
    local_posterior,
    log_aggregate,
    posterior_on_grid,
    rate_distortion,
    sampled_log_evidence,
    surgery,
)
from course_lib.evaluate import estimates as measured
from course_lib.evaluate import rows as evaluate_rows
from course_lib.evaluate.estimates import binarised_test_images
from course_lib.evaluate.rows import results_row, routes_row
from course_lib.exact import LinearGaussian
from course_lib.nets import GaussianNet
from course_lib.vae import VAE, Architecture

WORLD = LinearGaussian([[1.5, 0.3], [0.0, 1.0], [-0.7, 0.4]], [0.1, 0.2, -0.3], [0.8, 0.5, 0.6])


@torch.no_grad()
def affine_net(slope: Tensor, offset: Tensor, log_std: Tensor) -> GaussianNet:
    """v ↦ N(slope v + offset, diag exp(log_std)²), in float64."""
    net = GaussianNet(slope.shape[1], (), slope.shape[0], generator=Generator()).double()
    net.mean.weight.copy_(slope)
    net.mean.bias.copy_(offset)
    assert isinstance(net.log_std, nn.Linear)
    net.log_std.weight.zero_()
    net.log_std.bias.copy_(log_std)
    return net


def affine_vae(world: LinearGaussian = WORLD, *, widen: float = 1.0, shrink: float = 1.0) -> VAE:
    """The world's own decoder; q has `shrink` times the exact mean, `widen` times the best std."""
    origin = world.posterior(torch.zeros(len(world.offset)).double())
    slopes = [
        world.posterior(row).mean - origin.mean for row in torch.eye(len(world.offset)).double()
    ]
    precision = torch.linalg.inv(origin.covariance)
    log_std = -0.5 * precision.diagonal().log() + math.log(widen)
    encoder = affine_net(shrink * torch.stack(slopes, 1), shrink * origin.mean, log_std)
    return VAE(encoder, affine_net(world.loadings, world.offset, world.noise_std.log()))


def draws(count: int, generator: Generator) -> Tensor:
    return WORLD.evidence.sample((count,), generator=generator)


@pytest.mark.equation("9.1")
@pytest.mark.equation("9.8")
def test_importance_sampling_meets_the_exact_evidence_over_twenty_seeds(
    generator: Generator,
) -> None:
    """Each seed's NLL within 3 of its own standard errors; q is wide enough for finite variance."""
    model, x = affine_vae(widen=1.4, shrink=0.8), draws(5, generator)
    exact = -WORLD.log_evidence(x).mean().item()
    for seed in range(20):
        found = sampled_log_evidence(model, x, k=2500, seed=seed)
        assert abs(found.nll - exact) <= 3 * found.monte_carlo_error
        assert 0 < found.monte_carlo_error < 0.02


def test_its_standard_error_is_the_spread_over_seeds(generator: Generator) -> None:
    model, x = affine_vae(widen=1.4, shrink=0.8), draws(1, generator)
    runs = [sampled_log_evidence(model, x, k=1500, seed=seed) for seed in range(200)]
    spread = torch.cat([run.log_evidence for run in runs]).std().item()
    claimed = torch.cat([run.standard_error for run in runs]).square().mean().sqrt().item()
    # a standard deviation from 200 runs has relative error 1/sqrt(400) = 5 %; four of them
    assert spread == pytest.approx(claimed, rel=0.2)


def test_its_figures_are_those_of_the_log_weights(generator: Generator) -> None:
    model, x = affine_vae(widen=1.4), draws(2, generator)
    found = sampled_log_evidence(model, x, k=700, seed=3, first=5)
    for i in range(2):
        stream = Generator().manual_seed(3_000_005 + i)
        log_w = model.log_weights(x[i : i + 1], 700, generator=stream).squeeze(1)
        w = log_w.exp()
        assert found.log_evidence[i].item() == pytest.approx(w.mean().log().item(), rel=1e-12)
        error = w.std(correction=0) / w.mean() / math.sqrt(700)
        assert found.standard_error[i].item() == pytest.approx(error.item(), rel=1e-6)
        effective = bounds.effective_sample_size(log_w).item()
        assert found.effective_samples[i].item() == pytest.approx(effective, rel=1e-10)
    assert found.sampling_error == pytest.approx(found.log_evidence.std().item() / math.sqrt(2))


def test_pieces_give_the_same_as_the_whole(generator: Generator) -> None:
    model, x = affine_vae(widen=1.4), draws(5, generator)
    whole = sampled_log_evidence(model, x, k=1200)
    parts = [
        sampled_log_evidence(model, x[:2], k=1200),
        sampled_log_evidence(model, x[2:], k=1200, first=2),
    ]
    assert torch.equal(whole.log_evidence, torch.cat([part.log_evidence for part in parts]))


@pytest.mark.equation("5.1")
def test_rate_and_distortion_add_up_to_the_exact_elbo(generator: Generator) -> None:
    model, x = affine_vae(widen=0.7), draws(3, generator)
    found = rate_distortion(model, x, samples=40_000, generator=generator)
    q = model.encoder(x)
    torch.testing.assert_close(found.rate, kl_divergence(q, WORLD.prior), rtol=1e-12, atol=1e-12)
    # one log p(x|z) spreads by about 1.5 nats here: 4 standard errors of 40,000 are 0.03
    torch.testing.assert_close(found.elbo, WORLD.elbo(q, x), rtol=0, atol=0.03)
    torch.testing.assert_close(found.elbo, -found.rate - found.distortion)


@pytest.mark.equation("5.4")
def test_surgery_against_quadrature(generator: Generator) -> None:
    """A one-dimensional code of nine data: the mixture's KL and the information, on a line."""
    world = LinearGaussian([[1.0]], [0.0], [0.7])
    model = affine_vae(world, widen=0.6)
    x = torch.linspace(-2, 3, 9, dtype=torch.float64).unsqueeze(1)
    q = model.encoder(x)
    normals = [torch.distributions.Normal(m, s) for m, s in zip(q.mean, q.std, strict=True)]

    def mixture(z: float) -> float:
        point = torch.tensor(z, dtype=torch.float64)
        return float(sum(normal.log_prob(point).exp().item() for normal in normals) / 9)

    def excess(z: float) -> float:
        density = mixture(z)
        log_prior = -0.5 * z * z - 0.5 * math.log(2 * math.pi)
        return density * (math.log(density) - log_prior) if density > 0 else 0.0

    def entropy(z: float) -> float:
        density = mixture(z)
        return -density * math.log(density) if density > 0 else 0.0

    aggregate = integrate.quad(excess, -6, 6, limit=300)[0]
    information = integrate.quad(entropy, -6, 6, limit=300)[0] - q.entropy().mean().item()
    found = surgery(model, x, samples=4000, generator=generator)
    assert abs(found.aggregate_kl - aggregate) <= 4 * found.aggregate_kl_error
    assert abs(found.mutual_information - information) <= 4 * found.mutual_information_error
    assert max(found.aggregate_kl_error, found.mutual_information_error) < 0.01
    assert found.rate == pytest.approx(information + aggregate, abs=1e-7)
    points = torch.tensor([[0.3], [-1.0]], dtype=torch.float64)
    expected = [math.log(mixture(0.3)), math.log(mixture(-1.0))]
    assert log_aggregate(q, points, chunk=1).tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.equation("6.3")
@pytest.mark.equation("6.5")
def test_the_gap_splits_as_the_linear_world_says(generator: Generator) -> None:
    """The best diagonal q has the exact mean and σ_d² = 1/Λ_dd; the rest of the gap is KLs."""
    model, x = affine_vae(widen=1.7, shrink=0.6), draws(4, generator)
    before = [parameter.clone() for parameter in model.parameters()]
    local = local_posterior(model, x, generator=generator, steps=400, samples=32)
    posterior = WORLD.posterior(x)
    precision = torch.linalg.inv(posterior.covariance)
    best = DiagonalGaussian(
        posterior.mean, (-0.5 * precision.diagonal(dim1=-2, dim2=-1).log()).expand(4, 2)
    )
    # Adam with a falling rate ends within a few hundredths of a standard deviation
    torch.testing.assert_close(local.mean, best.mean, rtol=0, atol=0.05)
    torch.testing.assert_close(local.log_std, best.log_std, rtol=0, atol=0.05)
    gap = inference_gap(model, x, best, generator=generator, samples=20_000, k=20_000)
    approximation = kl_divergence(best, posterior)
    amortisation = kl_divergence(model.encoder(x), posterior) - approximation
    # log p(x|z) spreads by up to 3 nats: 4 standard errors of 20,000 are below 0.09
    torch.testing.assert_close(gap.log_evidence, WORLD.log_evidence(x), rtol=0, atol=0.02)
    torch.testing.assert_close(gap.approximation, approximation, rtol=0, atol=0.09)
    torch.testing.assert_close(gap.amortisation, amortisation, rtol=0, atol=0.09)
    assert (amortisation > 0.2).all()
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.equation("7.2")
def test_the_posterior_on_a_grid_is_the_exact_one(generator: Generator) -> None:
    model = affine_vae()
    for x in draws(3, generator):
        found = posterior_on_grid(model, x, half_width=7, nodes=141)
        z = torch.cartesian_prod(found.axis, found.axis)
        exact = WORLD.posterior(x).log_prob(z).reshape(141, 141)
        torch.testing.assert_close(found.log_density, exact, rtol=0, atol=1e-9)
        assert found.log_evidence == pytest.approx(WORLD.log_evidence(x).item(), abs=1e-9)
        assert found.error < 1e-6
        assert found.edge < 1e-6
    narrow = posterior_on_grid(model, x, half_width=0.5, nodes=41)
    assert narrow.edge > 0.05  # a square that cuts the posterior says so


@pytest.fixture
def shipped(tmp_path: Path, generator: Generator) -> Path:
    """A model file of an untrained net on MNIST's pixels."""
    architecture = Architecture(784, (3, 2), ((5,), (4,)))
    model = architecture.build(seed=0)
    about = {
        "kind": "model",
        "recipe": "small",
        "architecture": architecture.as_dict(),
        "settings": {"epochs": 7, "seed": 3},
        "core_seconds": 120.0,
    }
    checkpoint.save(tmp_path / "small.safetensors", model.state_dict(), about)
    return tmp_path / "small.safetensors"


def test_the_command_prints_and_saves_a_row(
    shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work, rows = shipped.parent / "work", shipped.parent / "rows.json"
    options = ["--k", "20", "--images", "60", "--work", str(work), "--save", str(rows)]
    assert command.main([str(shipped), *options]) == 0
    (row,) = json.loads(rows.read_text())
    assert len(row["costs"]) == len(row["active_units"]) == 2
    assert row["elbo"] == pytest.approx(-row["distortion"] - sum(row["costs"]))
    assert row["nll"] < -row["elbo"]
    assert (row["epochs"], row["training_seed"], row["training_minutes"]) == (7, 3, 2.0)
    assert f"{row['nll']:.2f}" in capsys.readouterr().out


def test_an_interrupted_evaluation_goes_on_and_ends_the_same(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_rows, "PIECE", 50)
    whole = results_row(str(shipped), k=20, images=120, seed=0, work=shipped.parent / "a")
    real, calls = measured.sampled_log_evidence, []  # type: ignore[attr-defined]

    def interrupted(*args: object, **options: object) -> object:
        calls.append(options["first"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(measured, "sampled_log_evidence", interrupted)
    with pytest.raises(KeyboardInterrupt):
        results_row(str(shipped), k=20, images=120, seed=0, work=shipped.parent / "b")
    resumed = results_row(str(shipped), k=20, images=120, seed=0, work=shipped.parent / "b")
    assert calls == [0, 50, 50, 100]
    assert {**resumed, "test_minutes": 0} == {**whole, "test_minutes": 0}
    other = results_row(str(shipped), k=20, images=120, seed=1, work=shipped.parent / "b")
    assert other["nll"] != whole["nll"]


def test_the_command_compares_three_routes(
    shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["--images", "3", "--k", "500", "--chains", "8", "--temperatures", "40"]
    save = shipped.parent / "routes.json"
    sizes += ["--work", str(shipped.parent / "work")]
    assert command.main([str(shipped), "--cross-check", *sizes, "--save", str(save)]) == 0
    printed = capsys.readouterr().out
    assert "3 test images" in printed
    (row,) = json.loads(save.read_text())
    nll, error = row["annealed"]
    least, median, most = row["effective"]["fitted"]
    assert f"effective draws {median:,.0f}, from {least:,.0f} to {most:,.0f}" in printed
    assert f"8 chains × 40 temperatures {nll:.3f} ± {error:.3f}" in re.sub(r" +", " ", printed)
    for other in ("encoder", "fitted"):
        found = re.search(rf"annealed less {other} +(\S+) ± (\S+)", printed.replace("−", "-"))
        assert found is not None
        assert float(found[1]) == pytest.approx(nll - row[other][0], abs=6e-4)
        assert float(found[2]) == pytest.approx(math.hypot(error, row[other][1]), abs=6e-4)


def test_an_interrupted_comparison_goes_on_and_ends_the_same(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_rows, "PROPOSALS", 2)
    short = functools.partial(measured.fitted_log_evidence, steps=3)  # type: ignore[attr-defined]
    monkeypatch.setattr(measured, "fitted_log_evidence", short)
    sizes: dict[str, Any] = {"k": 20, "images": 3, "seed": 0, "chains": 2, "temperatures": 3}

    def last_row(folder: str) -> dict[str, Any]:
        return list(routes_row(str(shipped), **sizes, work=shipped.parent / folder))[-1]

    whole = last_row("a")
    real, calls = measured.annealed_log_evidence, []  # type: ignore[attr-defined]

    def interrupted(*args: Any, **options: Any) -> SampledLogEvidence:
        calls.append(len(args[1]))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(measured, "annealed_log_evidence", interrupted)
    with pytest.raises(KeyboardInterrupt):
        last_row("b")
    resumed = last_row("b")
    assert calls == [2, 1, 1]  # the first two images are not walked again
    assert {**resumed, "minutes": 0} == {**whole, "minutes": 0}
    for route, most in (("encoder", 20), ("fitted", 20), ("annealed", 2)):
        least, median, greatest = whole["effective"][route]
        assert 1 - 1e-9 <= least <= median <= greatest <= most + 1e-9


def test_the_table_is_of_the_recipes_that_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Whole lines of the whole table, two in each half, beside the four of its heads and gap."""
    named = ["mnist_hvae_2", "mnist_topdown_3_warm"]
    assert command.main(["--table"]) == 0
    whole = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert command.main(["--table", *named]) == 0
    part = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert part == [line for line in whole if not line or line[0] in ("recipe", *named)]
    assert [line[0] for line in part if line] == 2 * ["recipe", *named]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["mnist_vae", "mnist_topdown_2"], "nothing was measured yet of mnist_topdown_2"),
        (["mnist_vae", "runs/a.safetensors"], "no recipe 'runs/a.safetensors'; there are mnist_"),
    ],
)
def test_a_table_of_nothing_is_refused(
    names: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--table", *names]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert not said.out


def test_nothing_to_evaluate_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 2
    assert "--table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m, g: sampled_log_evidence(m, torch.zeros(3).double()),
            r"x must be \(N, D\) with .*\(3,\)",
        ),
        (lambda m, g: sampled_log_evidence(m, torch.zeros(1, 3).double(), k=0), "k .* got 0"),
        (lambda m, g: sampled_log_evidence(m, torch.zeros(1, 4).double()), "x must have 3 "),
        (lambda m, g: local_posterior(m, torch.zeros(1, 2).double(), generator=g), "x must have 3"),
        (lambda m, g: posterior_on_grid(m, torch.zeros(1, 3).double()), "one datum"),
        (
            lambda m, g: posterior_on_grid(affine_vae(LinearGaussian([[1.0]], [0.0], [1.0])), g),
            r"one layer of 2, got sizes \[1\]",
        ),
        (
            lambda m, g: SampledLogEvidence.from_log_weights(torch.full((3, 2), -math.inf)),
            "one finite entry along each row, got only -inf",
        ),
        (lambda m, g: binarised_test_images(10_001, 0), r"1\.\.10000, got 10001"),
    ],
)
def test_bad_input_is_named(call: object, message: str, generator: Generator) -> None:
    with pytest.raises(ValueError, match=message):
        call(affine_vae(), generator)  # type: ignore[operator]
