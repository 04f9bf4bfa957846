"""What the mathematics, the checks and start.py advise, and what a reader does who follows it.

Each case is a piece of a message, what calls for it, and what the reader does then; a remedy that
gives a number is held against one that is known. `test_errors.py` runs them, with those of models
and training, and demands a case for every message that has advice in it.
"""

import importlib.util
import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest
import torch
from exercise_kinds import exact
from torch import Generator, Tensor

import start
from course_lib import exercises
from course_lib.bounds import elbo, log_weights
from course_lib.checks import Exercise, Verdict, judge, verify
from course_lib.distributions import (
    Bernoulli,
    Binomial,
    ContinuousBernoulli,
    DiagonalGaussian,
    GaussianMixture,
    expectation,
    kl_divergence,
)
from course_lib.exact import ScalarChain, ScalarLatent, fit_ppca, linear_world, tanh_world


class Place(Protocol):
    """Where a reader is: a folder, and a way to change the surroundings for a while."""

    folder: Path
    patch: pytest.MonkeyPatch


Act = Callable[[Place], object]
WORLD, X = linear_world(1.0, 0.75), torch.tensor([1.0], dtype=torch.float64)
Q = DiagonalGaussian.from_std(0.0, 1.0)


def rng() -> Generator:
    return Generator().manual_seed(0)


def first(z: Tensor) -> Tensor:
    return z[..., 0]


def right_of(threshold: float) -> Callable[[Tensor], Tensor]:
    """1[z > threshold], which jumps there."""
    return lambda z: (first(z) > threshold).double()


def is_near(found: Tensor | float, wanted: float, within: float = 1e-9) -> None:
    assert float(found) == pytest.approx(wanted, rel=within, abs=within)


def normal_above(threshold: float) -> float:
    """P(ε > threshold), ε ~ N(0, 1)."""
    return 0.5 * math.erfc(threshold / math.sqrt(2))


# Distributions


def squared_weight(q: DiagonalGaussian) -> Tensor:
    """E_q w² in the tanh world: finite only if q's variance is above one half."""
    return expectation(q, lambda z: (2 * log_weights(tanh_world(), q, X, z)).exp())


def mixture() -> GaussianMixture:
    """Two halves of one Gaussian, whose entropy is therefore known."""
    return GaussianMixture(torch.zeros(2).double(), Q.expand((2,)))


def averaged(values: Tensor, wanted: float) -> None:
    assert abs(values.mean().item() - wanted) < 5 * values.std().item() / len(values) ** 0.5


def entropy_by_samples() -> None:
    q = mixture()
    averaged(-q.log_prob(q.sample((10_000,), generator=rng())), Q.entropy().item())


def kl_by_samples() -> None:
    """KL(N(1, 1) ‖ N(0, 1)) is one half."""
    q = DiagonalGaussian.from_std(1.0, 1.0)
    x = q.sample((10_000,), generator=rng())
    averaged(q.log_prob(x) - mixture().log_prob(x), 0.5)


def grey_pixels() -> None:
    """At logit 0 the density of grey is 1, and eight inked cells of sixteen have C(16, 8)/2¹⁶."""
    zero = torch.zeros(1).double()
    is_near(ContinuousBernoulli(zero).log_prob(torch.full((1,), 0.5).double()), 0.0)
    count = Binomial(16, zero).log_prob(torch.full((1,), 8.0).double())
    is_near(count, math.log(math.comb(16, 8) / 2**16))


DISTRIBUTIONS: list[tuple[str, Act, Act]] = [
    (
        "a wider q may have it",
        lambda _: squared_weight(DiagonalGaussian.from_std(0.0, 0.6)),
        lambda _: squared_weight(DiagonalGaussian.from_std(0.0, 0.9)),
    ),
    (
        "if f jumps or bends, name the places as breaks=[…]",
        lambda _: expectation(Q, right_of(0.3)),
        lambda _: is_near(expectation(Q, right_of(0.3), breaks=[0.3]), normal_above(0.3)),
    ),
    (
        "average -log_prob over samples instead",
        lambda _: mixture().entropy(),
        lambda _: entropy_by_samples(),
    ),
    (
        "average q.log_prob(x) - p.log_prob(x) over samples x of q instead",
        lambda _: kl_divergence(Q, mixture()),
        lambda _: kl_by_samples(),
    ),
    (
        "grey pixels need ContinuousBernoulli or Binomial",
        lambda _: Bernoulli(torch.zeros(1)).log_prob(torch.full((1,), 0.5)),
        lambda _: grey_pixels(),
    ),
    (
        "z must lead with a sample axis, such as q.rsample((1,), generator=…)",
        lambda _: elbo(WORLD, Q, X, Q.rsample(generator=rng())),
        lambda _: elbo(WORLD, Q, X, Q.rsample((1,), generator=rng())),
    ),
]


# Exact worlds


def above(**more: list[float]) -> Tensor:
    """P(z > 0.1234 | x) in the linear world, z|x ~ N(0.64, 0.6²) at x = 1."""
    return WORLD.posterior(X).expectation(right_of(0.1234), **more)


def evidence_in(half_width: float) -> None:
    """log N(3; 0, 1.5625), which |z| ≤ 2 does not hold."""
    world = ScalarLatent(WORLD.decoder, half_width)
    is_near(world.log_evidence(3.0), -0.5 * (9 / 1.5625 + math.log(2 * math.pi * 1.5625)))


def narrow(noise: float) -> Tensor:
    return tanh_world(a=2.0, b=1.0, c=0.0, s=noise).log_evidence(1.0)


def naive(noise: float, samples: int) -> Tensor:
    return linear_world(1.0, noise).expected_naive_log_evidence(0.5, samples)


def plane(points: int, latent: int) -> object:
    """Points in three dimensions: two and three of them lie in a plane."""
    x = torch.randn(points, 3, generator=rng(), dtype=torch.float64)
    return fit_ppca(x, latent)


def chance(jump: bool) -> None:
    """P(x ≤ 0) = ½ for a symmetric chain, by the density of x or by its distribution function."""
    law = ScalarChain([(1.0, 1.0, 0.0, 0.5), (1.0, 1.0, 0.0, 0.5)]).marginal(1)
    zero = torch.zeros(()).double()
    is_near(law.expectation((law.nodes <= 0.1).double()) if jump else law.cdf(zero), 0.5)


EXACT: list[tuple[str, Act, Act]] = [
    (
        "name the places where f jumps or bends as breaks=[…]",
        lambda _: above(),
        lambda _: is_near(above(breaks=[0.1234]), normal_above((0.1234 - 0.64) / 0.6)),
    ),
    ("raise half_width", lambda _: evidence_in(2.0), lambda _: evidence_in(40.0)),
    ("for a probability use cdf", lambda _: chance(jump=True), lambda _: chance(jump=False)),
    (
        "the posterior is too narrow for float64",
        lambda _: narrow(1e-12),
        lambda _: narrow(1e-3),
    ),
    (
        "panels are needed; take a larger noise std or more samples",
        lambda _: naive(1e-4, 2),
        lambda _: [naive(0.1, 2), naive(1e-4, 10_000)],
    ),
    (
        "take a smaller latent or more data",
        lambda _: plane(3, latent=2),
        lambda _: [plane(3, latent=1), plane(9, latent=2)],
    ),
]


# Checks and exercises


DIFFERENCE = Exercise("0.a", lambda: 0.4)
FUNCTION = Exercise(
    "0.b", lambda: doubled, tolerance=1e-10, cases=((0.3,), (torch.tensor([1.2]).double(),))
)


def doubled(z: Tensor) -> Tensor:
    return 2 * z


def forgetful(z: Tensor) -> None:
    doubled(z)


def refused(exercise: Exercise, answer: object) -> None:
    """Raises what a learner is told."""
    verdict: Verdict = judge(exercise, answer)
    raise ValueError(verdict.message)


def accepted(exercise: Exercise, answer: object) -> None:
    assert judge(exercise, answer).accepted


def known(name: str) -> None:
    """`check` of the right answer: what the exercise itself expects."""
    exercises.check(name, exact(name).expected())


CHECKS: list[tuple[str, Act, Act]] = [
    (
        "compute in float64",
        lambda _: refused(DIFFERENCE, torch.tensor(1000.4).half() - 1000),
        lambda _: accepted(DIFFERENCE, torch.tensor(1000.4).double() - 1000),
    ),
    (
        "rounded to float32, as torch.tensor(0.1) is? Keep to float64",
        lambda _: refused(FUNCTION, lambda z: doubled(z) + torch.tensor(0.1).double() - 0.1),
        lambda _: accepted(
            FUNCTION, lambda z: doubled(z) + torch.tensor(0.1, dtype=torch.float64) - 0.1
        ),
    ),
    (
        "give its name alone, with no call",
        lambda _: refused(FUNCTION, doubled(torch.tensor(0.3))),
        lambda _: accepted(FUNCTION, doubled),
    ),
    (
        "is its return missing?",
        lambda _: refused(FUNCTION, forgetful),
        lambda _: accepted(FUNCTION, doubled),
    ),
    (
        "compare their logarithms",
        lambda _: verify("0.1", product=1e-30, power=10.0**-30),
        lambda _: verify("0.1", product=-30 * math.log(10), power=math.log(10.0**-30)),
    ),
    (
        'check takes a name such as "1.a" before the answer',
        lambda _: exercises.check(0.5),  # type: ignore[arg-type]
        lambda _: known("1.a"),
    ),
    ("did you mean 1.a", lambda _: exercises.check("1a", 0.5), lambda _: known("1.a")),
    ("names are such as 4.b", lambda _: exercises.check("four", 0.5), lambda _: known("4.b")),
]


# start.py


def without_venv(place: Place) -> None:
    """As Debian's Python is before python3-venv is installed."""
    found = importlib.util.find_spec
    with place.patch.context() as bare:
        bare.setattr(
            importlib.util, "find_spec", lambda name: None if name == "ensurepip" else found(name)
        )
        start.make_venv("gone")


def with_venv(place: Place) -> None:
    place.patch.setattr(start, "VENV", place.folder / ".venv")
    start.make_venv("gone")
    assert start.importing("ensurepip") == start.MINE


def read_only(place: Place, act: Callable[[], object]) -> None:
    with place.patch.context() as locked:
        locked.setattr(os, "access", lambda path, mode: False)
        act()


def copied(place: Place) -> None:
    """The course in a folder that can be written to."""
    for name in start.INPUTS:
        (place.folder / name).write_bytes((start.ROOT / name).read_bytes())
    for name, path in (("ROOT", ""), ("VENV", ".venv"), ("STAMP", ".venv/installed.txt")):
        place.patch.setattr(start, name, place.folder / path)
    place.patch.setattr(start, "LOG", place.folder / ".venv" / "pip.log")


def copied_and(place: Place, act: Callable[[], object]) -> None:
    """The course in a folder that can be written to, and then the act."""
    copied(place)
    act()


def home(place: Place, name: str, *, closed: bool) -> None:
    """JupyterLab is to be opened with a home of that name, which may be closed to the reader."""
    folder, access = place.folder / name, os.access
    folder.mkdir()
    with place.patch.context() as moved:
        for variable in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "XDG_DATA_HOME"):
            moved.delenv(variable, raising=False)
        moved.setenv("HOME", str(folder))
        moved.setattr(os, "access", lambda path, mode: not closed and access(path, mode))
        start.require_home()


def course_in(place: Place, name: str) -> None:
    with place.patch.context() as moved:
        moved.setattr(start, "ROOT", place.folder / name)
        start.require_plain_path()


def two_starts(place: Place, *, at_once: bool) -> None:
    copied(place)
    with start.alone():
        if at_once:
            with start.alone():
                pass
    with start.alone():
        pass


def quick_tests(place: Place) -> None:
    """What runs is what --quick stands for, once the words are in order."""
    ran: list[str] = []

    def run(*words: object, threads: object = None) -> int:
        ran.extend(map(str, words))
        return 0

    with place.patch.context() as idle:
        idle.setattr(start, "install", lambda extra="": None)
        idle.setattr(start, "run", run)
        assert start.main(["test", "--quick"]) == 0
    assert start.QUICK in ran


def installed(place: Place, *, sound: bool) -> None:
    """An installation in which pip, replaced here, says all is well; torch starts if sound."""
    copied(place)
    lacking = "ImportError: libgomp.so.1: no such file"

    def starts(modules: str) -> str:
        return start.MINE if sound or "torch" not in modules else lacking

    def pip(words: list[str], settings: dict[str, str]) -> tuple[int, str]:
        start.LOG.write_text("pip: installed all\n")
        return 0, ""

    with place.patch.context() as quick:
        start.VENV.mkdir(exist_ok=True)
        quick.setattr(start, "importing", starts)
        quick.setattr(start, "pip_settings", dict)
        quick.setattr(start, "pip", pip)
        start.install()


def log_is_there(place: Place) -> None:
    copied(place)
    assert "pip: " in start.LOG.read_text()


def commands(place: Place) -> None:
    """A number, test, refresh and --help: each is a command."""
    place.patch.setattr(start, "install", lambda extra="": None)
    place.patch.setattr(start, "run", lambda *words, threads=None: 0)
    for words in (["4"], ["test"], ["refresh"], ["--help"]):
        assert start.main(words) == 0


SIX = Exercise("0.c", lambda: 6.0, counts=(4,), log_density=True)
ENDING = Exercise("0.d", lambda: doubled, cases=((0.3,),), seconds=0.2)
CONSTANT = math.log(2 * math.pi) / 2
SLIPS = {
    "is there a ½ too many, or a factor 2 missing?": 3.0,
    "is a factor ½ missing?": 12.0,
    "a variance where a standard deviation is wanted?": 36.0,
    "a standard deviation where a variance is wanted?": math.sqrt(6.0),
    "which of two is divided by the other?": 1 / 6,
    "too low: is the Gaussian's constant there once too often?": 6.0 - CONSTANT,
    "dimensions: is the Gaussian's constant there once too often?": 6.0 - 4 * CONSTANT,
    "a mean over 4 terms where a sum is wanted?": 1.5,
    "a sum over 4 terms where a mean is wanted?": 24.0,
}


def endless(z: Tensor) -> Tensor:
    while True:
        z = 2 * z


GENERAL: list[tuple[str, Act, Act]] = [
    *(
        (piece, partial(lambda answer, _: refused(SIX, answer), wrong), lambda _: accepted(SIX, 6))
        for piece, wrong in SLIPS.items()
    ),
    (
        "does a loop in it never end?",
        lambda _: refused(ENDING, endless),
        lambda _: accepted(ENDING, doubled),
    ),
]

START: list[tuple[str, Act, Act]] = [
    (
        "start it with a newer one, such as `python3.11 start.py`",
        lambda _: start.require_python((3, 10)),
        lambda _: start.require_python((3, 11)),
    ),
    (
        "copy the course to a folder of your own",
        lambda place: read_only(place, partial(start.require_writing, "test")),
        lambda place: copied_and(place, partial(start.require_writing, "test")),
    ),
    (
        "is read-only: copy the course",
        lambda place: copied_and(place, partial(read_only, place, start.install)),
        lambda place: installed(place, sound=True),
    ),
    (
        "give a notebook's number, test, refresh, pages or --help",
        lambda _: start.first_number(["tset"]),
        commands,
    ),
    (
        "--quick goes after its command",
        lambda _: start.first_number(["--quick"]),
        quick_tests,
    ),
    (
        "goes first: python3 start.py 3",
        lambda _: start.first_number(["--no-browser", "3"]),
        lambda _: start.first_number(["3", "--no-browser"]),
    ),
    (
        "move the course to a folder without",
        lambda place: course_in(place, "a {course}"),
        lambda place: course_in(place, "a course"),
    ),
    (
        "give it a home of your own",
        lambda place: home(place, "theirs", closed=True),
        lambda place: home(place, "mine", closed=False),
    ),
    (
        "wait until it is done, then start again",
        lambda place: two_starts(place, at_once=True),
        lambda place: two_starts(place, at_once=False),
    ),
    (f"sudo apt install python{start.MINE}-venv", without_venv, with_venv),
    (
        "does not start: ImportError: libgomp.so.1: no such file; see ",
        lambda place: installed(place, sound=False),
        log_is_there,
    ),
]
MATHEMATICS = [*DISTRIBUTIONS, *EXACT, *CHECKS, *GENERAL, *START]
