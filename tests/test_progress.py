"""The bar for a reader's own loop: every step, once; seen while it runs, and nothing kept of it."""

from types import SimpleNamespace
from typing import Any

import IPython
import IPython.display
import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances

from course_lib.train import progress


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is displayed, in a process that takes itself for a notebook's kernel."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel="a kernel"))
    monkeypatch.setattr(
        IPython.display, "display", lambda data, raw: found.append(data) if raw else None
    )
    return found


def bar_of(shown: list[dict[str, Any]]) -> ipywidgets.IntProgress:
    (data,) = shown
    (view,) = data.values()
    return _instances[view["model_id"]]


def test_every_step_comes_once(shown: list[dict[str, Any]]) -> None:
    assert list(progress(250)) == list(range(250))
    assert len(shown) == 1


def test_only_the_view_is_displayed_so_that_no_words_are_stored(
    shown: list[dict[str, Any]],
) -> None:
    list(progress(3))
    assert list(shown[0]) == ["application/vnd.jupyter.widget-view+json"]


def test_the_bar_grows_and_goes(shown: list[dict[str, Any]]) -> None:
    steps, seen = progress(1_000), []
    for step in steps:
        seen.append(bar_of(shown).value)
        if step == 400:
            model_id = bar_of(shown).model_id
            break
    assert seen[0] == 0
    assert seen[400] == 400
    assert seen == sorted(seen)
    steps.close()  # type: ignore[attr-defined]
    assert model_id not in _instances  # an interrupted loop leaves none


def test_without_a_notebook_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    assert list(progress(5)) == [0, 1, 2, 3, 4]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("steps", [0, -3, 2.5, True])
def test_what_is_no_number_of_steps(steps: Any) -> None:
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1"):
        progress(steps)
