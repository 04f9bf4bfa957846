"""Chapter 10's exercises against covariances and counted noises, and the logs of its clinic."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from exercise_answers import CHOICES, DESIGNS, log_joint
from notebook_rules import Notebook

from course_lib.checks import Blanks
from course_lib.exercises import EXERCISES, judged
from course_lib.exercises.hvae_structure import CASES, missed
from course_lib.shipped.clinic import clinic_log
from course_lib.teach.notebooks import chapter_path

UNIT = np.array([[3.0, 2, 1], [2, 2, 1], [1, 1, 1]])  # Cov of (x, z_1, z_2): shared noises


def conditioned(wanted: int, known: list[int], values: list[float]) -> tuple[float, float]:
    """Mean and variance of one variable of the unit chain of two, given others."""
    weights = np.linalg.solve(UNIT[np.ix_(known, known)], UNIT[known, wanted])
    return float(weights @ values), float(UNIT[wanted, wanted] - weights @ UNIT[known, wanted])


def test_the_words_of_10_a_are_what_conditioning_gives() -> None:
    truth = [
        conditioned(2, [1, 0], [3, 100]),  # z_2 given z_1 and x
        conditioned(1, [2, 0], [3, 1]),  # z_1 given z_2 and x
        conditioned(1, [0], [2.4]),  # z_1 given x
    ]
    exercise = EXERCISES["10.a"]
    assert isinstance(exercise, Blanks)
    for word, (mean, variance), blank in zip(CHOICES["10.a"], truth, exercise.blanks, strict=True):
        assert word == blank.right
        told = [float(part) for part in word[2:-1].split(",")]
        assert told == pytest.approx([mean, variance], abs=0.005)
    wrong = {
        (0, "N(33.3, 0.67)"): conditioned(2, [0], [100]),
        (1, "N(0.67, 0.67)"): conditioned(1, [0], [1]),
        (2, "N(0.8, 0.67)"): conditioned(2, [0], [2.4]),
    }
    for (place, word), gaussian in wrong.items():  # what their reasons call them
        assert word in exercise.blanks[place].reasons
        told = [float(part) for part in word[2:-1].split(",")]
        assert told == pytest.approx(gaussian, abs=0.05)


def buggy() -> Any:
    """The program of the exercise's cell, as the notebook gives it."""
    path = chapter_path(10)
    notebook = Notebook.read(path)
    (cell,) = (cell for cell in notebook.exercises if "def log_joint" in cell.source)
    space: dict[str, Any] = {"check": lambda *_: None}
    exec(cell.source, space)
    return space["log_joint"]


def test_the_bug_of_10_b_hides_where_there_are_two_latents() -> None:
    program = buggy()
    for prior, arrows, x, z in CASES:
        right = math.log(prior[z[-1]]) + sum(
            math.log(arrow[above, below])
            for arrow, above, below in zip(arrows, z, [x, *z[:-1]], strict=True)
        )
        assert log_joint(prior, arrows, x, z) == pytest.approx(right, abs=1e-12)
        found = float(program(prior, arrows, x, z))
        assert (found == pytest.approx(right, abs=1e-12)) == (len(z) == 2)
    prior, arrows, *_ = CASES[0]
    every = itertools.product(range(3), repeat=4)
    total = sum(math.exp(program(prior, arrows, x, list(z))) for x, *z in every)
    assert total < 0.9  # "all probabilities together are below one"


def gap(read: dict[str, list[str]]) -> float:
    """E_x KL(q(z|x) ‖ p(z|x)) in the unit chain of four, from q's structural equations."""
    names = ["x", "z_1", "z_2", "z_3", "z_4"]
    cov = np.array([[min(5 - i, 5 - j) for j in range(5)] for i in range(5)], dtype=float)
    slopes, noise = np.zeros((5, 5)), np.zeros(5)
    noise[0] = 5  # x comes as it comes
    for latent, others in read.items():
        own, known = names.index(latent), [names.index(name) for name in others]
        slopes[own, known] = np.linalg.lstsq(cov[np.ix_(known, known)], cov[known, own])[0]
        noise[own] = cov[own, own] - slopes[own, known] @ cov[known, own]
    root = np.linalg.inv(np.eye(5) - slopes)
    encoded = root @ np.diag(noise) @ root.T
    ratio = np.linalg.inv(cov) @ encoded
    return float(0.5 * (np.trace(ratio) - 5 - np.linalg.slogdet(ratio)[1]))


def test_what_10_d_measures_is_the_gap() -> None:
    wide: dict[str, list[str]] = {"z_2": ["x"], "z_1": ["z_2", "x"], "z_3": ["z_2"], "z_4": ["z_3"]}
    assert abs(gap(wide)) < 1e-12
    assert abs(missed(DESIGNS["10.d"]())) < 1e-12
    for changed in ({"z_1": ["x"]}, {"z_1": ["z_2"]}, {"z_3": ["x"]}, {"z_4": ["z_2"]}):
        assert missed(wide | changed) == pytest.approx(gap(wide | changed), abs=1e-12)
        assert missed(wide | changed) > 0.1


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"z_1": ...}, "not answered yet"),
        ({"z_1": None, "z_3": 3}, "not answered yet"),
        ({"z_4": ["z_3", ...]}, "not answered yet"),
        ({"z_4": ""}, "not answered yet"),
        ({"z_3": 3}, "z_3 reads a list of names, got 3"),
        ({"z_3": len}, "z_3 reads a list of names, got a function"),
    ],
)
def test_10_d_half_filled_in_is_told_so(changed: dict[str, Any], says: str) -> None:
    verdict = judged("10.d", DESIGNS["10.d"]() | changed)
    assert verdict.message == f"10.d: {says}"
    assert verdict.answered == (says != "not answered yet")


def test_four_arrows_are_not_enough_for_10_d() -> None:
    """So the answer needs a thought: every encoder with fewer arrows loses too much."""
    for first in itertools.permutations(["z_1", "z_3", "z_4"]):
        drawn, choices = ["x", "z_2"], []
        for latent in first:
            subsets = [
                list(subset)
                for count in range(len(drawn) + 1)
                for subset in itertools.combinations(drawn, count)
            ]
            choices.append([(latent, subset) for subset in subsets])
            drawn.append(latent)
        for rest in itertools.product(*choices):
            if sum(len(read) for _, read in rest) <= 3:
                assert gap({"z_2": ["x"], **dict(rest)}) > 0.05


def test_the_clinic_s_logs_show_what_the_reasons_of_10_c_point_at() -> None:
    sampled, averaged, healthy = (clinic_log(name) for name in "DFG")
    assert ((sampled.reconstruction > -208) & (sampled.reconstruction < -200)).all()
    assert sampled.elbo[-1] < sampled.elbo[0] - 20  # it falls: no overfitting
    assert sampled.costs[0, -1] > 5 * sampled.costs[0, 0]  # and layer 1's cost makes it fall
    assert averaged.costs.sum(0).max() < 3
    assert averaged.costs[1, -1] < 0.05  # "0.0 nats"
    assert averaged.active[1, -1] > 0
    assert averaged.elbo[-1] == pytest.approx(-82.4, abs=0.05)
    assert 20 * averaged.costs[0, -1] == pytest.approx(58, abs=1)
    told = [healthy.elbo, healthy.reconstruction, *healthy.costs]
    assert torch.tensor([float(term[-1]) for term in told]) == pytest.approx(
        torch.tensor([-117.2, -98.1, 11.5, 7.6]), abs=0.05
    )
    assert healthy.active[:, -1].tolist() == [20, 10]
