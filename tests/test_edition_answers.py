"""The page's tables of exercises, and the verdicts that it gives with them, held to `check`'s.

The right and the wrong answers come from exercise_answers and exercise_mistakes, which are made
without the course's code.
"""

import json
import math
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browsing import MARKS, browsing
from exercise_answers import FUNCTIONS, NUMBERS
from exercise_kinds import exact
from exercise_mistakes import WRONG_NUMBERS
from notebook_rules import FOLDER
from playwright.sync_api import Page

from course_lib.checks import Exercise, Mistake
from course_lib.edition import read_chapter
from course_lib.edition.answers import answer_tables
from course_lib.edition.exercise_words import EXERCISE_WORDS
from course_lib.exercises import EXERCISES, judged
from course_lib.index import notebook_paths

PLAYER = Path(__file__).resolve().parent.parent / "course_lib" / "edition" / "player"
TABLES = answer_tables(EXERCISES)


def row(value: Any) -> list[float]:
    """The numbers of an answer."""
    return [float(x) for x in value] if isinstance(value, list) else [float(value)]


# ---- The tables ----


def test_the_tables_hold_what_is_right_and_what_is_known_to_be_wrong() -> None:
    assert {n for n, t in TABLES["exercises"].items() if t["kind"] == "function"} == set(FUNCTIONS)
    words = TABLES["words"]["en"]["exercises"]
    assert {name for name, told in words.items() if "unit" in told} == set(NUMBERS)
    assert {name: told["hints"] for name, told in words.items()} == {
        name: list(exercise.hints) for name, exercise in EXERCISES.items()
    }
    for name, right in NUMBERS.items():
        table = TABLES["exercises"][name]
        assert table["kind"] == "numbers"
        near(table["exact"], row(right))
        wrong = WRONG_NUMBERS[name]
        assert len(table["mistakes"]) == len(words[name]["mistakes"]) > len(wrong)
        listed = slice(len(wrong))  # those that anyone makes anywhere follow
        for (value, beginning), found, hint in zip(
            wrong, table["mistakes"][listed], words[name]["mistakes"][listed], strict=True
        ):
            pairs = zip(map(float, found), row(value), strict=True)
            told = [(x, typed) for x, typed in pairs if not math.isnan(x)]  # NaN: any number
            near([x for x, _ in told], [typed for _, typed in told])
            assert hint.startswith(beginning)


def near(found: list[float], wanted: list[float]) -> None:
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-9)


def test_the_tables_are_json_and_infinity_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(json.dumps(TABLES, allow_nan=False)) == TABLES
    monkeypatch.setitem(EXERCISES, "0.z", MADE_UP)
    mistakes = answer_tables(["0.z"])["exercises"]["0.z"]["mistakes"]
    assert [0.0, "Infinity", -3.0] in mistakes


def test_an_exercise_that_a_page_cannot_judge_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"no exercise '4\.z'"):
        answer_tables(["4.z"])
    monkeypatch.setitem(EXERCISES, "0.z", Exercise("0.z", lambda: 1.0, tolerance=1e-6))
    with pytest.raises(ValueError, match=r"0\.z: a page judges numbers to 2e-06 at the finest"):
        answer_tables(["0.z"])


def test_every_word_that_the_scripts_ask_for_is_there_and_no_other() -> None:
    names = ["exercises.js", "choices.js", "expressions.js", "guesses.js"]
    names += ["progress.js", "progress_panel.js"]
    scripts = "".join((PLAYER / name).read_text(encoding="utf-8") for name in names)
    asked = set(re.findall(r"'((?:exercise|guess|progress)(?:\.[a-z]+)+)'", scripts))
    asked |= {f"{key}.unit" for key in asked & {"exercise.answer", "exercise.answers"}}
    templates = {"exercise.mistakes", "solution.answer"}  # said before any script runs
    assert asked | templates == set(EXERCISE_WORDS["en"])


def test_each_solution_gives_the_answer_as_check_writes_it() -> None:
    """Where it is a number; of a program the mistakes that check knows are told."""
    found: dict[str, str] = {}
    hints: dict[str, list[str]] = {}
    for path in notebook_paths(FOLDER):
        text = "".join(read_chapter(path).sections)
        for name, part in re.findall(
            r'data-exercise="(.*?)"(.*?)(?=<form|<section|\Z)', text, flags=re.S
        ):
            solution = re.findall(r"<details><summary>Solution</summary>.*?</details>", part, re.S)
            found[name] = "".join(re.findall(r'<p class="answer">(.*?)</p>', solution[0]))
            fold = re.findall(r"<summary>Mistakes seen before in.*?</details>", part, re.S)
            hints[name] = re.findall(r"<li>(.*?)</li>", "".join(fold))
    assert set(found) == set(EXERCISES)
    for name in NUMBERS:
        written = ", ".join(f"{x:.6g}" for x in row(NUMBERS[name])).replace("-", "−")
        answer = f"{written} {exact(name).unit}".rstrip()
        assert found[name] == f"The answer to {name}: {answer}."
        if len(row(NUMBERS[name])) == 1:
            assert judged(name, NUMBERS[name]).message == f"{name}: right: {answer}"
        assert hints[name] == []
    for name in FUNCTIONS:
        assert found[name] == ""
        assert len(hints[name]) == len(set(hints[name])) > 2


# ---- The verdicts ----


@dataclass(frozen=True)
class Typed:
    """An answer as a reader types it into a page, and as it is given to `check`."""

    name: str
    texts: list[str]
    answer: Any


def typed(name: str, values: list[float]) -> Typed:
    """Numbers, typed with all their digits."""
    return Typed(name, [repr(value) for value in values], values)


CHANGES: list[Callable[[float], float]] = [
    *(lambda x, f=f: x * f for f in (-1, 2, 0.5, 10, 0.1, 100, 784, 1 / 784, 1e-3, -1.04)),
    *(lambda x, f=f: x * f for f in (1 / math.log(2), math.log(2), 1 / math.log(10))),
    *(lambda x, f=f: x * f for f in (1.04, 0.96, 1.06, 1.001, 0.996, 1.0004, 1.00049, 1.00051)),
    *(lambda x, d=d: x + d for d in (1, -1, 0.1, -0.1, 4.9e-4, -4.9e-4, 5.1e-4, -5.1e-4, 1e-9)),
    # Half way between two numbers of two or of six digits, where the answer is a binary fraction.
    *(lambda x, d=d: x + d for d in (0.125, 0.375, 10.5, 11.5, 1250, 1234565, 1234575)),
    *(lambda x, c=c: c for c in (0.0, -0.0, 1e-300, -1e-5, 1e5, 999999.5, 1e6, 1e300, -1e308)),
    *(lambda x, c=c: c for c in (math.inf, -math.inf, 5e-324, 2**-1074 * 3, 0.00012345675)),
    lambda x: x**2,
    lambda x: 1 / x if x else 1.0,
    lambda x: abs(x) ** 0.5,
]


def alterations(right: list[float]) -> Iterator[list[float]]:
    """Wrong answers, and some that are nearly or still right."""
    yield right
    yield [float(f"{x:.4g}") for x in right]
    for change in CHANGES:
        yield [change(x) for x in right]
        if len(right) > 1:
            for i in range(len(right)):
                yield [change(x) if i == j else x for j, x in enumerate(right)]
    yield right[::-1]
    yield [x - sum(right) / len(right) for x in right]


def numbers_of(name: str, right: list[float], known: list[list[float]]) -> list[Typed]:
    """Answers to one exercise: known mistakes, altered ones, and any numbers at all."""
    chance = random.Random(name)
    guesses = [
        [chance.choice((-1, 1)) * 10 ** chance.uniform(-7, 7) for _ in right] for _ in range(40)
    ]
    return [typed(name, values) for values in (*known, *alterations(right), *guesses)]


# To 1.a, a number of nats: a text and the number that it is.
READ = {
    "0.5": 0.5,
    " 0.5\t": 0.5,
    "log(2πe)": math.log(2 * math.pi * math.e),
    "½log(2πe)": math.log(2 * math.pi * math.e) / 2,
    "0.5ln2": math.log(2) / 2,
    "sqrt2": math.sqrt(2),
    "ln10": math.log(10),
    "12 345": 12345.0,
    "1 234 567.5": 1234567.5,
    ".5": 0.5,
    "+0.5": 0.5,
    "0,5": 0.5,
    "1,5": 1.5,
    "5e-1": 0.5,
    "1e-3": 0.001,
    "1E+3": 1000.0,
    "1/2": 0.5,
    "40 / 3": 40 / 3,
    "1,5/3": 0.5,
    "−1/2": -0.5,
    "−3": -3.0,
    "--3": 3.0,
    "1_000": 1000.0,
    "½": 0.5,
    "−4½": -4.5,
    "1/2/3": 1 / 6,
    "2^3": 8.0,
    "-2**2": -4.0,
    "2^-1": 0.5,
    "2^3^2": 512.0,
    "√2": math.sqrt(2),
    "√2/2": math.sqrt(2) / 2,
    "2√(1+3)": 4.0,
    "log 2": math.log(2),
    "½ log 2": math.log(2) / 2,
    "½·log(2π)": math.log(2 * math.pi) / 2,
    "-0.5 * math.log(2 * math.pi * 5) - 1 / (2 * 5)": -0.5 * math.log(2 * math.pi * 5) - 0.1,
    "ln(2) + torch.log(0,5)": 0.0,
    "sqrt(2)²": 2.0000000000000004,
    "3(4+1)²": 75.0,
    "e^2": math.exp(2),
    "log2(8) + log10(1,000.0)": 6.0,
    "1 / inf": 0.0,
    "0.5 nats": 0.5,
    "0,5nat": 0.5,
    "(1/2) Nats": 0.5,
    "–3": -3.0,
    "-3": -3.0,
    "2.": 2.0,
    "0,693": 0.693,
    "12,3456": 12.3456,
    "1 234.5": 1234.5,
    "1\u202f234": 1234.0,
    "1\u00a0234\u00a0567,25": 1234567.25,
    "1,234.5": 1234.5,
    "1,234,567": 1234567.0,
    "−1,234,567.5": -1234567.5,
    "∞": math.inf,
    "-inf": -math.inf,
    "−∞": -math.inf,
    "1e400": math.inf,
    "1e-400": 0.0,
    "123456789012345678901234567890": 123456789012345678901234567890.0,
    "": None,
    "   ": None,
    "...": None,
    "…": None,
}
UNREAD = [
    *("abc", "1.5 bits", "1.5 nats²", "1 5", "12 34", "1,2,3", "1.2.3", "0x10", "1e", "e5", "2e"),
    *("nan", "NaN", "1/0", "/2", "inf/inf", "50 %", "(1", "1)", "2(", "()", "1 +", "log", "log()"),
    *("1/2π", "log 2*3", "log 2π", "√2π", "log2", "log(-1)", "sqrt -1", "log(0)", "exp(1000)"),
    *("log(8, 2)", "1;2", "alert(1)", "constructor(1)", "x = 1", "1 if 2 else 3", "(" * 150 + "1"),
    *(
        "it's",
        'say "x"',
        "both ' and \"",
        "back\\slash",
        "tab\tinside",
        "{given}",
        "<b>1</b>",
        "١٢",
    ),
    *("a" * 38, "a" * 39, "a" * 40, "it's " * 20, "\\" * 30, "é" * 50, "数字很长" * 15, "🙂" * 41),
    *("zero\u200bwidth", "1\u00a02", "\u202fa\u202fb", "\x07bell", "\U000e0001", "\ufeff1\ufeffa"),
    *("3,692 000", "12,345 678", "1,234e3", "0.5 100", "4.5½"),
    *("constructor", "__proto__", "[0.5]", "0.5; 0.5", "1.234,5", "3,692", "−1,000"),
]


# Expressions, grown by chance, as a page takes them and as Python does.
CALLS = ("log", "exp", "sqrt", "abs", "log2", "log10", "sin", "cos", "tan", "tanh")
NAMES = {name: getattr(math, name, math.fabs) for name in CALLS} | {"pi": math.pi, "e": math.e}
SIGNS = {"*": ("*", "·", " × "), "**": ("**", "^", " ^ "), "-": ("-", " − "), "/": ("/", " ÷ ")}


def grown(chance: random.Random, depth: int) -> tuple[str, str]:
    """An expression as a page takes it, and in Python."""
    kind = chance.choice(
        ("number", "name", *(["call", "sign", "sign", "minus", "bracket"] * depth))
    )
    if kind == "number":
        text = repr(round(10 ** chance.uniform(-3, 3), chance.randint(0, 4)))
        return (text.replace(".", ",") if len(text.partition(".")[2]) != 3 else text), text
    if kind == "name":
        return chance.choice((("π", "pi"), ("pi", "pi"), ("e", "e")))
    ours, pythons = grown(chance, depth - 1)
    if kind == "call":
        name = chance.choice(CALLS)
        return (
            f"{chance.choice(('', 'math.', 'np.', 'torch.'))}{name}({ours})",
            f"{name}({pythons})",
        )
    if kind == "minus":
        return f"−{ours}", f"-{pythons}"
    if kind == "bracket":
        return f"( {ours})", f"({pythons})"
    sign = chance.choice(("+", "-", "*", "/", "**"))
    our_right, python_right = grown(chance, depth - 1)
    written = chance.choice(SIGNS.get(sign, (sign,)))
    return f"{ours}{written}{our_right}", f"{pythons}{sign}{python_right}"


def in_python(text: str) -> float | None:
    """Its value; None if it has none that is real and finite."""
    try:
        value = eval(text, {"__builtins__": {}}, NAMES)
    except (ArithmeticError, TypeError, ValueError):  # TypeError: a complex number
        return None
    return value if isinstance(value, float | int) and math.isfinite(value) else None


# Zeros, no numbers among the mistakes, and two of those alike: no exercise of the course has them.
ZEROS = [0.0, 2.0, -3.0]
MADE_UP = Exercise(
    "0.z",
    lambda: ZEROS,
    [
        Mistake([0.0, math.inf, -3.0], "An infinity."),
        Mistake([0.0, math.nan, 1.0], "A NaN."),
        Mistake([1.0, 3.0, -2.0], "The first that fits."),
        Mistake([1.0, 3.0, -2.0], "Another that fits."),
    ],
    unit="",
    tolerance=1e-3,
)


def all_answers() -> list[Typed]:
    """Everything that is typed into the page, once."""
    answers = numbers_of("0.z", ZEROS, [[0.0, math.inf, -3.0], [1.0, 3.0, -2.0]])
    for name, right in NUMBERS.items():
        answers += numbers_of(name, row(right), [row(value) for value, _ in WRONG_NUMBERS[name]])
    answers += [Typed("1.a", [text], value) for text, value in READ.items()]
    answers += [Typed("1.a", [text], text) for text in UNREAD]
    blank, word = ["−1", ""], ["-1", "abc"]
    answers += [Typed("7.a", blank, [-1.0, ""]), Typed("7.a", word, [-1.0, "abc"])]
    answers += [Typed("7.a", ["abc", ""], ["abc", ""]), Typed("7.a", ["", "abc"], ["", "abc"])]
    return answers


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browsing() as page:
        yield page


def browser_test(test: Any) -> Any:
    for mark in MARKS:
        test = mark(test)
    return test


@browser_test
def test_the_page_says_what_check_says(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXERCISES, "0.z", MADE_UP)
    answers = all_answers()
    for name in ("expressions.js", "judging.js"):
        page.add_script_tag(path=PLAYER / name)
    said = page.evaluate(
        """([tables, cases]) => cases.map(([name, texts]) => {
            const { accepted, message } = course.judge(tables, name, texts, 'en');
            return [accepted, message];
        })""",
        [answer_tables(EXERCISES), [[case.name, case.texts] for case in answers]],
    )
    assert len(said) == len(answers) > 1500
    differ = []
    for case, (accepted, message) in zip(answers, said, strict=True):
        whole = case.answer if isinstance(case.answer, list) else [case.answer]
        verdict = judged(case.name, whole[0] if len(whole) == 1 else whole)
        if (verdict.accepted, verdict.message) != (accepted, message):
            differ.append((case.texts, verdict.message, message))
    assert differ == []


@browser_test
def test_the_page_reads_an_expression_as_python_does(page: Page) -> None:
    chance = random.Random(20260)
    pairs = [grown(chance, 3) for _ in range(4_000)]
    pairs = [(ours, pythons) for ours, pythons in pairs if len(ours) <= 200]
    page.add_script_tag(path=PLAYER / "expressions.js")
    found = page.evaluate("texts => texts.map(text => course.read(text))", [a for a, _ in pairs])
    values = [in_python(text) for _, text in pairs]
    assert sum(value is not None for value in values) > 2_000
    assert sum(value is None for value in values) > 100
    for (ours, _), read, value in zip(pairs, found, values, strict=True):
        assert ("value" in read) == (value is not None), (ours, read, value)
        if value is not None:
            assert read["value"] == pytest.approx(value, rel=1e-9, abs=1e-12), ours


@browser_test
@pytest.mark.parametrize(
    ("text", "problem", "part"),
    [
        ("abc", "word", "abc"),
        ("1.5 bits", "unit", "bits"),
        ("1/2π", "twofold", ""),
        ("log 2π", "twofold", ""),
        ("log10 100", "twofold", ""),
        ("log2 256", "twofold", ""),
        ("2 * (1 + 3", "brackets", ""),
        ("2 * 3)", "brackets", ""),
        ("2 *", "end", ""),
        ("1.2.3", "sign", "1.2.3"),
        ("50 %", "sign", "%"),
        ("2 3", "sign", "3"),
        ("1/0", "value", ""),
        ("log(0)", "value", ""),
        ("sqrt(-1)", "value", ""),
        ("1" * 201, "long", ""),
    ],
)
def test_what_cannot_be_read_is_said_to_be_so(
    page: Page, text: str, problem: str, part: str
) -> None:
    page.add_script_tag(path=PLAYER / "expressions.js")
    read = page.evaluate("text => course.read(text, 'nats')", text)
    assert read == {"problem": f"exercise.unread.{problem}", "part": part}
    words = EXERCISE_WORDS["en"][f"exercise.unread.{problem}"]
    assert set(re.findall(r"\{(\w+)\}", words)) <= {"name", "given", "part", "unit"}
