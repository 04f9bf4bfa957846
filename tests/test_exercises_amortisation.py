"""Chapter 6's exercises that are no number: blanks, a diagnosis, an encoder that is measured."""

import json
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import integrate, optimize, stats

from course_lib.checks import Blanks, Design
from course_lib.distributions import DiagonalGaussian
from course_lib.exact import tanh_world
from course_lib.exercises import EXERCISES, judged
from course_lib.exercises.amortisation import missed
from course_lib.nets import GaussianNet
from course_lib.teach.judging import tried_answer, verdict_on_record

WORLD = tanh_world(a=2.0, b=1.0, c=0.0, s=0.5)
Grid = NDArray[np.float64]


# ---- 6.a: the best q with one σ ----


def test_the_words_of_the_derivation_are_those_of_numbers() -> None:
    """Of a posterior with precision Λ, each right word gives what SciPy finds, no wrong one does.

    The KL is ½ (tr Λ σ² − d log σ²) and what is free of σ²: its first term, where its slope is 0,
    and the mean that the best σ² is of the 1/Λ_ii.
    """
    root = np.random.default_rng(6).normal(size=(3, 3))
    covariance = root @ root.T + 0.3 * np.eye(3)
    precision = np.linalg.inv(covariance)
    d, trace, spread = 3, float(np.trace(precision)), float(np.trace(covariance))

    log_volume = float(np.linalg.slogdet(precision)[1])

    def kl(variance: float) -> float:
        return 0.5 * (variance * trace - d - d * math.log(variance) - log_volume)

    found = optimize.minimize_scalar(
        kl, bounds=(1e-3, 10), method="bounded", options={"xatol": 1e-9}
    )
    best = float(found.x)
    z = np.random.default_rng(7).normal(size=(400_000, 3)) * math.sqrt(best)
    weighed = float(np.einsum("ni,ij,nj->n", z, precision, z).mean())
    each = 1 / np.diag(precision)
    values = {
        "σ² tr Λ": best * trace,
        "σ² tr Σ": best * spread,
        "σ² det Λ": best * float(np.linalg.det(precision)),
        "d σ²": d * best,
        "d / σ²": d / best,
        "1 / σ²": 1 / best,
        "d / σ": d / math.sqrt(best),
        "2d / σ²": 2 * d / best,
        "d / tr Λ": d / trace,
        "tr Σ / d": spread / d,
        "tr Λ / d": trace / d,
        "1 / tr Λ": 1 / trace,
        "harmonic": float(stats.hmean(each)),
        "arithmetic": float(each.mean()),
        "geometric": float(stats.gmean(each)),
    }
    exercise = EXERCISES["6.a"]
    assert isinstance(exercise, Blanks)
    truth = [weighed, trace, best, best]
    for blank, true in zip(exercise.blanks, truth, strict=True):
        near = {word for word in blank.options if values[word] == pytest.approx(true, rel=0.01)}
        assert near == {blank.right}


# ---- 6.d: an encoder for the tanh world ----


def climbed_on_the_elbo(seed: int) -> GaussianNet:
    """A new net, one draw for each x, six hundred steps."""
    generator = torch.Generator().manual_seed(seed)
    z = WORLD.prior.sample((1_000,), generator=generator)
    x = WORLD.decoder(z).sample(generator=generator)
    net = GaussianNet(1, (16,), 1, generator=generator).double()
    climber = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(600):
        q = net(x)
        z = q.rsample(generator=generator)
        climber.zero_grad()
        (q.log_prob(z) - WORLD.log_joint(x, z)).mean().backward()
        climber.step()
    return net


def density(x: float) -> float:
    """p(x) by SciPy."""
    return float(
        integrate.quad(
            lambda z: stats.norm.pdf(z) * stats.norm.pdf(x, 2 * math.tanh(z), 0.5), -8, 8, limit=200
        )[0]
    )


def moments(x: float) -> tuple[float, float, float]:
    """p(x), and the posterior's mean and standard deviation, by sums over a fine grid of z."""
    z = np.linspace(-9, 9, 4_001)
    joint = stats.norm.pdf(z) * stats.norm.pdf(x, 2 * np.tanh(z), 0.5)
    evidence = float(joint.sum() * (z[1] - z[0]))
    weight = joint / joint.sum()
    mean = float(weight @ z)
    return evidence, mean, math.sqrt(float(weight @ (z - mean) ** 2))


def test_the_figure_is_the_kl_averaged_over_x() -> None:
    """Of the posterior's own mean and width: a double sum by NumPy and SciPy."""
    z = np.linspace(-9, 9, 4_001)
    total = mass = 0.0
    for x in np.linspace(-4.5, 4.5, 121):
        evidence, mean, std = moments(float(x))
        q = stats.norm.pdf(z, mean, std)
        posterior = stats.norm.logpdf(z) + stats.norm.logpdf(x, 2 * np.tanh(z), 0.5)
        excess = stats.norm.logpdf(z, mean, std) - posterior + math.log(evidence)
        total += evidence * float((q * excess).sum() * (z[1] - z[0]))
        mass += evidence
    assert moments(1.1)[0] == pytest.approx(density(1.1), rel=1e-8)

    def matched(x: torch.Tensor) -> DiagonalGaussian:
        exact = WORLD.posterior(x)
        return DiagonalGaussian(exact.mean, 0.5 * exact.variance.log())

    assert missed(matched) == pytest.approx(total / mass, abs=2e-4)
    assert round(missed(matched), 3) == 0.073
    assert not judged("6.d", matched).accepted


def test_an_encoder_that_climbed_the_elbo_is_accepted() -> None:
    net = climbed_on_the_elbo(0)
    assert judged("6.d", net).accepted
    net = net.float()  # as a learner's is who asks for no other type
    assert judged("6.d", lambda x: net(x.float())).accepted


def test_an_encoder_may_climb_to_each_q_when_it_is_asked() -> None:
    """No net: a q for each x, by its gradient there. The average over q is a sum of 201 terms."""
    noise = torch.linspace(-5, 5, 201, dtype=torch.float64)
    weights = torch.softmax(-noise.square() / 2, 0)

    def encoder(x: torch.Tensor) -> DiagonalGaussian:
        mean, log_std = (x.clamp(-2, 2) / 2).requires_grad_(), (0 * x - 1).requires_grad_()
        ascent = torch.optim.Adam([mean, log_std], lr=0.05)
        for _ in range(200):
            z = mean + log_std.exp() * noise  # (N, 201)
            log_joint = -z.square() / 2 - 2 * (x - 2 * torch.tanh(z)).square()
            ascent.zero_grad()
            (-(log_joint @ weights) - log_std.squeeze(-1)).sum().backward()
            ascent.step()
        return DiagonalGaussian(mean, log_std)

    assert judged("6.d", encoder).accepted
    record = json.loads(json.dumps(tried_answer(EXERCISES["6.d"], encoder)))
    assert verdict_on_record(EXERCISES["6.d"], record).accepted


@pytest.mark.slow
def test_the_elbo_reaches_the_figure() -> None:
    """That pairs do not is among the claims of chapter 6."""
    for seed in range(3):
        assert missed(climbed_on_the_elbo(seed)) < 0.06


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (3, "an encoder is wanted, a net or a function, got int"),
        (lambda x: x, "must make a DiagonalGaussian (181, 1), got Tensor"),
        (
            lambda x: DiagonalGaussian.standard(2),
            "must make a DiagonalGaussian (181, 1), got (2,)",
        ),
    ],
)
def test_what_is_no_encoder_is_told_what_one_is(answer: object, words: str) -> None:
    said = judged("6.d", answer).message
    assert words in said
    assert "raised" not in said


def test_one_q_for_all_is_far_off() -> None:
    """The prior, whatever x, misses by more than five nats."""
    assert isinstance(EXERCISES["6.d"], Design)

    def prior(x: torch.Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(0 * x, 0 * x)

    assert 5 < missed(prior) < 6
    assert not judged("6.d", prior).accepted
