"""What data/README.md says of the tries towards the best plain chain, held to their log."""

import math
import re

import pytest
from result_pages import DATA_PAGE, best_chain

from course_lib.shipped import all_runs
from course_lib.shipped.results import read_rows

TEXT = " ".join(DATA_PAGE.read_text(encoding="utf-8").split())
TRIES = {row["model"].removesuffix("_60"): row for row in read_rows(best_chain.LOG)}
BASE = TRIES["base"]
# A sentence, the try that it is about, and the one that this is held against.
GAINS = [
    (r"Without its warm-up the base loses (\S+) nats", "no_warm_up", "base", -1),
    (r"Free bits in its place gain (\S+) nats", "free_bits", "base", 1),
    (r"L_5 gains (\S+) in", "l_5", "base", 1),
    (r"A warm-up over most of the training loses (\S+)\. ", "long_warm_up", "base", -1),
    (r"Nets twice as wide gain (\S+) nats", "wide_400", "base", 1),
    (r"Batches of 250 gain (\S+) nats", "batch_250", "base", 1),
    (r"batches of 500 gain (\S+) in", "batch_500_400", "wide_400", 1),
    (r"Encoded from below, the base loses (\S+) nats", "bottom_up", "base", -1),
    (r"two layers are (\S+) short of three", "two_400", "wide_400", -1),
    (r"whose upper nets are narrower, lose (\S+)\. ", "five", "base", -1),
]
TIMES = [
    (r"L_5 gains \S+ in (\S+) times the time", "l_5", "base"),
    (r"twice as wide gain \S+ nats in (\S+) times", "wide_400", "base"),
    (r"gain less, in (\S+) times the time", "wide_600", "base"),
    (r"Batches of 250 gain \S+ nats in (\S+) times", "batch_250", "base"),
    (r"batches of 500 gain \S+ in (\S+) times", "batch_500_400", "wide_400"),
]


def said(pattern: str) -> float:
    """The one number that the page gives in this sentence."""
    (found,) = re.findall(pattern, TEXT)
    return float(found)


@pytest.mark.parametrize(("pattern", "name", "other", "sign"), GAINS)
def test_a_gain_is_that_of_the_log(pattern: str, name: str, other: str, sign: int) -> None:
    gain = TRIES[other]["nll"] - TRIES[name]["nll"]
    assert said(pattern) == pytest.approx(sign * gain, abs=0.006)


@pytest.mark.parametrize(("pattern", "name", "other"), TIMES)
def test_a_time_is_that_of_the_log(pattern: str, name: str, other: str) -> None:
    ratio = TRIES[name]["minutes"] / TRIES[other]["minutes"]
    assert said(pattern) == pytest.approx(ratio, abs=0.06)


def test_all_tries_are_alike_but_for_what_they_say() -> None:
    for name, row in TRIES.items():
        assert name in best_chain.TRIES
        assert row["change"] == best_chain.TRIES[name].what
        assert (row["epochs"], row["images"], row["k"]) == (60, 1000, 1000)


def test_nothing_costs_as_much_as_no_warm_up_and_three_times_the_width_gains_less() -> None:
    assert max(TRIES.values(), key=lambda row: row["nll"]) is TRIES["no_warm_up"]
    assert TRIES["wide_400"]["nll"] < TRIES["wide_600"]["nll"] < BASE["nll"]
    assert abs(TRIES["average"]["nll"] - BASE["nll"]) < 0.05


def test_the_long_training_is_below_the_ladder() -> None:
    (row,) = (row for row in all_runs() if row["recipe"] == "mnist_topdown_3_wide")
    assert said(r"`mnist_topdown_3_wide` in the tables above, (\S+) nats") == round(row["nll"], 2)
    assert row["nll"] < said(r"(\S+) that of a Ladder VAE with five")
    assert said(r"after (\S+) core minutes\. For") == math.floor(row["training_minutes"] + 0.5)
    assert row["training_minutes"] < 60
