"""A number that stands in an explorer's picture and in its sentence has the same digits in both.

Which two are the same number is found from how they move: over many states of the controls they
never differ by more than one in the last digit.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest
from matplotlib.text import Text
from recorded import stops_of

from course_lib.edition import EXPLORERS
from course_lib.explorers.stage import Explorer

NUMBER = re.compile(r"[−-]?\d+\.\d+")
STATES = 60  # each a seeded choice among the recorded stops
LEAST = 5  # different values, for two numbers to be one
QUICK = ["LogWeights"]
SILENT = {"ChainOfLatents", "ModelAscent"}  # whose pictures have no number of their sentences

Pairs = dict[tuple[object, object], list[tuple[str, str]]]


def written(explorer: Explorer) -> Iterator[tuple[object, str]]:
    """The numbers in the picture's texts, each with the place where it stands."""
    for i, text in enumerate(explorer.stage.figure.findobj(Text)):
        if isinstance(text, Text) and text.get_visible():
            for j, number in enumerate(NUMBER.findall(text.get_text())):
                yield (i, j), number.replace("-", "−")


def said(sentence: str) -> Iterator[tuple[object, str]]:
    """The numbers of a sentence, each with the words before it."""
    words = NUMBER.split(sentence)
    for i, number in enumerate(NUMBER.findall(sentence)):
        yield (len(words), i, words[i]), number.replace("-", "−")


def steps(one: str, other: str) -> float:
    """By how many of their last digits two numbers differ; infinity if they have not as many."""
    decimals = len(one.partition(".")[2])
    if decimals != len(other.partition(".")[2]):
        return float("inf")
    a, b = (float(text.replace("−", "-")) for text in (one, other))
    return float(round(abs(a - b) * 10**decimals))


def differing(pairs: Pairs) -> list[tuple[str, str]]:
    """Of what is one number, where its two texts are not the same."""
    found = []
    for texts in pairs.values():
        if len({one for one, _ in texts}) >= LEAST and all(steps(*both) <= 1 for both in texts):
            found += [both for both in texts if both[0] != both[1]]
    return found


def pairs_of(name: str) -> Pairs:
    explorer = EXPLORERS[name].example()
    stops = stops_of(explorer)
    chance = random.Random(name)
    pairs: Pairs = defaultdict(list)
    for _ in range(STATES):
        explorer.at(**{control.name: chance.choice(control.values) for control in stops})
        sentence = list(said(explorer.sentence))
        for place, number in written(explorer):
            for words, other in sentence:
                pairs[place, words].append((number, other))
    explorer.close()
    return pairs


@pytest.mark.parametrize("name", QUICK)
def test_picture_and_sentence_agree(name: str) -> None:
    pairs = pairs_of(name)
    assert sum(all(a == b for a, b in texts) for texts in pairs.values()) >= 2
    assert differing(pairs) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(EXPLORERS) - set(QUICK)))
def test_every_picture_and_its_sentence_agree(name: str) -> None:
    pairs = pairs_of(name)
    same = any(all(a == b for a, b in texts) for texts in pairs.values())
    assert same == (name not in SILENT)
    assert differing(pairs) == []


def test_a_number_that_is_rounded_in_two_ways_is_found() -> None:
    same = [(f"−1.65{i}", f"−1.65{i}") for i in range(9)]
    assert differing({(1, 1): same}) == []
    assert differing({(1, 1): [*same, ("−1.652", "−1.651")]}) == [("−1.652", "−1.651")]
    assert differing({(1, 1): [*same, ("−1.652", "1.651")]}) == []
    assert differing({(1, 1): [*same, ("−1.652", "−1.66")]}) == []
