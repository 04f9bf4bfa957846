"""A table of numbers: what it prints can be read, added up, and compared on any machine."""

import html
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import torch

from course_lib.edition.cells import Setting, nothing_moves, render_output
from course_lib.plots import table
from course_lib.plots.table import number_table

SETTING = Setting(3, "notebooks/03.ipynb", nothing_moves)
SIX = number_table(
    {"log w(z)": torch.tensor([-1.25, 10.5, -0.00001], dtype=torch.float64)},
    draw=range(3),
    whole_numbers=torch.tensor([7, -12345, 0]),
    which_one=["a", "b < c", ""],
    total=["sum", 2.5, np.float64(-1)],
    array=np.array([0.5, np.inf, np.nan]),
)


def test_a_table_lines_up_as_plain_text() -> None:
    assert repr(SIX).splitlines() == [
        "log w(z)  draw  whole numbers  which one    total      array",
        " −1.2500     0              7  a              sum     0.5000",
        " 10.5000     1        −12,345  b < c       2.5000          ∞",
        "  0.0000     2              0             −1.0000  undefined",
    ]


def test_the_same_stands_in_its_html() -> None:
    drawn = SIX._repr_html_()
    rows = [re.findall(r"<t[hd] [^>]*>(.*?)</t[hd]>", row) for row in drawn.split("</tr>")[:-1]]
    told = [[html.unescape(cell) for cell in row] for row in rows]
    assert told == [list(SIX.headings), *map(list, SIX.rows)]
    sides = re.findall(r"text-align:(\w+)", drawn)
    assert sides == ["right", "right", "right", "left", "right", "right"] * 4
    assert "b &lt; c" in drawn


def test_what_is_printed_adds_up() -> None:
    """Columns of numbers with few digits: a person who adds a row finds its sum."""
    rate, distortion = torch.tensor([1.25, 2.5]), torch.tensor([90.125, 80.0])
    shown = number_table(R=rate, D=distortion, R_plus_D=rate + distortion, digits=3)
    assert shown.headings == ["R", "D", "R plus D"]
    for row in shown.rows:
        one, other, both = (Decimal(cell.replace("−", "-")) for cell in row)
        assert one + other == both


def test_it_prints_where_there_is_no_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    table({"log p(x)": [-1.0]}, digits=1)
    assert capsys.readouterr().out == "log p(x)\n    −1.0\n"


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({}, r"table needs columns, each with a heading of its own, got \[\]"),
        ({"": [1], "x": [2]}, r"each with a heading of its own, got \['', 'x'\]"),
        ({"a": [1, 2], "b": [1.0]}, "equally long and not empty, got lengths: a 2, b 1"),
        ({"a": []}, "not empty, got lengths: a 0"),
        ({"a": torch.zeros(2, 3)}, r"a must have one axis, got shape \(2, 3\)"),
        ({"a": torch.tensor(1.0)}, r"a must have one axis, got shape \(\)"),
        ({"a": np.zeros((1, 1))}, r"a must have one axis, got shape \(1, 1\)"),
        ({"a": "word"}, "a must be a row of numbers or words, got 'word'"),
        ({"a": 3.0}, "a must be a row of numbers or words, got 3.0"),
        ({"a": {"b": 1}}, "a must be a row of numbers or words, got {'b': 1}"),
        ({"a": [1j]}, "a must hold numbers or words, got 1j"),
        ({"a": [None]}, "a must hold numbers or words, got None"),
        ({"a": torch.tensor([True])}, "a must hold numbers or words, got True"),
        ({"a": [[1.0]]}, r"a must hold numbers or words, got \[1.0\]"),
    ],
)
def test_what_is_no_table_is_refused(columns: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        table(columns)
    with pytest.raises(ValueError, match=says):
        table(**columns)


def test_headings_and_digits_are_looked_at() -> None:
    with pytest.raises(ValueError, match=r"heading of its own, got \['log w', 'log w'\]"):
        table({"log w": [1]}, log_w=[1])
    for digits in (-1, 2.0, True):
        with pytest.raises(ValueError, match="digits must be a number of decimals"):
            table(a=[1], digits=digits)  # type: ignore[arg-type]


# ---- On a page ----


def drawn_on_a_page(drawn: str, plain: str) -> str:
    data = {"text/html": drawn, "text/plain": plain}
    return render_output({"output_type": "display_data", "data": data, "metadata": {}}, SETTING)


def test_a_page_shows_the_table_itself() -> None:
    shown = number_table(word=["a < b"], value=[0.5])
    drawn = drawn_on_a_page(shown._repr_html_(), repr(shown))
    assert drawn == (
        '<div class="scrolls"><table class="numbers"><thead><tr><th>word</th>'
        '<th class="number">value</th></tr></thead><tbody><tr><td>a &lt; b</td>'
        '<td class="number">0.5000</td></tr></tbody></table></div>\n'
    )


def test_a_page_takes_over_no_other_html() -> None:
    """What a cell prints may hold anything; of what is neither table a page shows the words."""
    for strange in ("<b>1 &lt; 2</b>", "<script>alert(1)</script>", "<table></table><p>x</p>"):
        drawn = drawn_on_a_page(strange, "1 < 2")
        assert drawn == '<pre class="printed scrolls">1 &lt; 2</pre>\n'


@pytest.mark.parametrize(
    "inside", ['<img src="x">', "<script>1</script>", '<td onclick="x">1</td>', "<a>1</a>", "<td"]
)
def test_a_table_holds_rows_and_words_alone(inside: str) -> None:
    fold = "<details><summary>1</summary>{}</details>"
    whole = f"<table><tr><td>1</td>{inside}</tr></table>"
    for drawn in (whole, fold.format(whole)):
        with pytest.raises(ValueError, match="a table with .* in it, which a page has not"):
            drawn_on_a_page(drawn, "1")
