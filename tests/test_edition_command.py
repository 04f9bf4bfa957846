"""`start.py pages` where something is wrong: one line says what, before a minute is spent."""

import json
import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from course_lib.edition import chapter_page, command, printing, read_chapter
from course_lib.edition.stops import named_values
from course_lib.edition.stored import stored_cells
from course_lib.explorers.divergence import PosteriorGap

GAP = Path(__file__).resolve().parent.parent / "notebooks" / "04_kl_divergence.ipynb"
Cells = list[dict[str, Any]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{}", "no notebook, for it has no cells"),
        (b"[]", "no notebook, for it has no cells"),
        (b"", "no JSON, or not whole: Expecting value"),
        (b'{"cells": [', "no JSON, or not whole"),
        (b'{"cells": "\xff"}', "no UTF-8 at byte 11"),
        (b'{"cells": [{"source": "a"}]}', "cell 1 has no cell_type"),
        (b'{"cells": [{"cell_type": "code", "source": "a"}]}', "cell 1 has no execution_count, "),
    ],
)
def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "04_gap.ipynb"
    path.write_bytes(data)
    for read in (stored_cells, read_chapter):
        with pytest.raises(ValueError, match=f"^04_gap.ipynb: {re.escape(said)}"):
            read(path)
    with pytest.raises(ValueError, match=r"^04_gap.ipynb: "):
        named_values("PosteriorGap", PosteriorGap.controls, tmp_path)


def pictures(cells: Cells) -> list[dict[str, Any]]:
    """What is stored about the explorers' pictures."""
    abouts = [
        o.get("metadata", {}).get("image/png", {}) for c in cells for o in c.get("outputs", ())
    ]
    return [about for about in abouts if "explorer" in about]


def broken_formula(cells: Cells) -> None:
    cells[2]["source"] = "So $\\frac{1$ is it."


def no_alt(cells: Cells) -> None:
    del pictures(cells)[0]["alt"]


def no_values(cells: Cells) -> None:
    del pictures(cells)[0]["values"]


def no_width(cells: Cells) -> None:
    del pictures(cells)[0]["width"]


def of_width(width: float, cells: Cells) -> None:
    pictures(cells)[0]["width"] = width  # JSON as Python writes it knows Infinity


def width_of_words(cells: Cells) -> None:
    pictures(cells)[0]["width"] = '1" onload="alert(1)'


def no_picture(cells: Cells) -> None:
    _picture(cells)["image/png"] = "AAAA"


def half_a_picture(cells: Cells) -> None:
    _picture(cells)["image/png"] = _picture(cells)["image/png"][:4000]


def more_than_a_picture(cells: Cells) -> None:
    _picture(cells)["image/png"] += '" onerror="alert(1)'


def _picture(cells: Cells) -> dict[str, Any]:
    datas = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    return next(data for data in datas if "image/png" in data)


def no_python(cells: Cells) -> None:
    next(c for c in cells if c["cell_type"] == "code")["source"] = "a = = 1"


def raised(cells: Cells) -> None:
    error = {"output_type": "error", "ename": "ValueError", "evalue": "boom", "traceback": []}
    next(c for c in cells if c["cell_type"] == "code")["outputs"] = [error]


def meant(cells: Cells) -> None:
    raised(cells)
    next(c for c in cells if c["cell_type"] == "code")["metadata"]["tags"] = ["raises-exception"]


def changed(folder: Path, change: Callable[[Cells], None]) -> Path:
    """Notebook 4, changed."""
    raw = json.loads(GAP.read_text(encoding="utf-8"))
    change(raw["cells"])
    path = folder / GAP.name
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


FAULTS = [
    (broken_formula, r"^04_kl_divergence.ipynb: cell 3: a formula that cannot be drawn"),
    (no_alt, r"^04_kl_divergence.ipynb: cell \d+: a picture without words"),
    (no_values, r"^04_kl_divergence.ipynb: cell \d+: the stored picture of PosteriorGap does not"),
    (
        no_width,
        r"^04_kl_divergence.ipynb: cell \d+: a picture's width must be .*None",
    ),
    (
        width_of_words,
        r"^04_kl_divergence.ipynb: cell \d+: a picture's width must .*'1\" onload=",
    ),
    *(
        (
            partial(of_width, width),
            r"cell \d+: a picture's width must be a whole number of at least",
        )
        for width in (math.inf, math.nan, 0, -400, 40.5, True)
    ),
    (no_picture, r"^04_kl_divergence.ipynb: cell \d+: a picture that is no PNG, or not whole"),
    (half_a_picture, r"^04_kl_divergence.ipynb: cell \d+: a picture that is no PNG, or not"),
    (more_than_a_picture, r"^04_kl_divergence.ipynb: cell \d+: a picture that is no PNG, or"),
    (no_python, r"^04_kl_divergence.ipynb: cell \d+ is no Python: invalid syntax"),
    (raised, r"^04_kl_divergence.ipynb: cell \d+ stores an error, ValueError: boom; python3"),
]


@pytest.mark.parametrize(("change", "said"), FAULTS)
def test_a_fault_names_its_file_and_cell(
    tmp_path: Path, change: Callable[[Cells], None], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        read_chapter(changed(tmp_path, change))


def test_a_reader_whose_answer_raised_gets_the_same_page(tmp_path: Path) -> None:
    def in_an_exercise(cells: Cells) -> None:
        (cell, *_) = [c for c in cells if 'check("4.d"' in "".join(c["source"])]
        error = {"ename": "NameError", "evalue": "name 'a' is not defined", "traceback": []}
        cell["outputs"] = [{"output_type": "error", **error}]

    page, same = read_chapter(changed(tmp_path, in_an_exercise)), read_chapter(GAP)
    assert page.sections == same.sections


def test_an_error_that_is_meant_is_shown(tmp_path: Path) -> None:
    page = read_chapter(changed(tmp_path, meant))
    assert "ValueError: boom" in page.opening + "".join(page.sections)


def test_a_picture_that_lacks_a_value_is_named_by_the_recorder(tmp_path: Path) -> None:
    changed(tmp_path, no_values)
    with pytest.raises(ValueError, match=r"^04_kl.*PosteriorGap does not say the value of"):
        named_values("PosteriorGap", PosteriorGap.controls, tmp_path)


def never(*_: Any) -> Any:
    raise AssertionError("minutes of recording")


def test_faults_of_the_text_are_found_before_anything_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ValueError("04_x.ipynb: cell 6 was not run")

    monkeypatch.setattr(command, "recordings", never)
    monkeypatch.setattr(command, "read_chapters", fail)
    assert command.main(["--into", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "pages: 04_x.ipynb: cell 6 was not run\n"


def test_where_nothing_can_be_written_is_found_before_anything_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(command, "recordings", never)
    monkeypatch.setattr(command, "read_chapters", never)
    assert command.main(["--into", str(tmp_path / "file" / "pages")]) == 2
    assert f"nothing can be written in {tmp_path / 'file'} (" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_chromium_is_looked_for_before_anything_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(printing, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(command, "recordings", never)
    monkeypatch.setattr(command, "read_chapters", never)
    assert command.main(["--pdf", "--into", str(tmp_path)]) == 2
    assert "no Chromium" in capsys.readouterr().err


def test_ctrl_c_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "read_chapters", list)
    monkeypatch.setattr(command, "recordings", stop)
    assert command.main(["--into", str(tmp_path)]) == 130
    said = "stopped; old pages stay as they were, and recordings that were done are kept"
    assert capsys.readouterr().err == f"pages: {said}\n"


@pytest.mark.parametrize("file", ["README.md", "start.py"])
def test_every_option_is_named_where_a_reader_looks(file: str) -> None:
    """In the README's commands in full, and in the help of start.py."""
    source = Path(command.__file__).read_text(encoding="utf-8")
    options = re.findall(r'add_argument\("(--\w+)"', source)
    assert len(options) == 4
    text = (GAP.parent.parent / file).read_text(encoding="utf-8")
    shown = text.partition("## The commands in full" if file == "README.md" else '"""')[2]
    shown = shown.partition("\n## " if file == "README.md" else '"""')[0]
    assert [option for option in options if option not in shown] == []


def test_a_folder_may_be_named_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A print that fails leaves no page behind, and is told where it is in full."""
    program = tmp_path / "prints_nothing"
    program.write_text("#!/bin/sh\necho no display >&2\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(printing, "find_chromium", lambda: str(program))
    with pytest.raises(ValueError, match=r"printed no 04_kl_divergence\.pdf: no display"):
        printing.print_chapters(Path("here"), [chapter_page.read_chapter(GAP)])
    assert list((tmp_path / "here").iterdir()) == []
