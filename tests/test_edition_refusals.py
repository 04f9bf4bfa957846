"""What would be a broken page is no page: the build stops, and names notebook, cell and fault."""

import json
import re
from pathlib import Path

import pytest

from course_lib.edition import read_chapters
from course_lib.edition.prose import Prose

FIRST = "# 1 · Why?\n\nTwo chapters.\n\n## A part with $x$\n\n$$x=1 \\tag{1.1}$$"
SECOND = "# 2 · How?\n\nBy (1.1) and [that part](01_why.ipynb#A-part-with-x).\n\n## More"


def course(root: Path, text: str) -> Path:
    """A course of two chapters; the text is the second cell of the second."""
    (root / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    (root / "notebooks").mkdir()
    (root / "loop.py").write_text("", encoding="utf-8")
    for name, texts in (("01_why", [FIRST]), ("02_how", [SECOND, text])):
        cells = [{"cell_type": "markdown", "source": text, "metadata": {}} for text in texts]
        path = root / "notebooks" / f"{name}.ipynb"
        path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return root


def exercise(root: Path, code: str) -> Path:
    """The same with a code cell at its end."""
    path = course(root, "Text.") / "notebooks" / "02_how.ipynb"
    raw = json.loads(path.read_text(encoding="utf-8"))
    cell = {"cell_type": "code", "source": code, "metadata": {}, "execution_count": 1}
    printed = {"output_type": "stream", "name": "stdout", "text": "not yet"}
    raw["cells"].append({**cell, "outputs": [printed]})
    path.write_text(json.dumps(raw), encoding="utf-8")
    return root


@pytest.mark.parametrize(
    "text",
    [
        "[a part](01_why.ipynb#a-part-with-x), [here](#more), [it](01_why.ipynb#eq-1.1)",
        "[a file](../loop.py) and [the web](https://example.org/#x)",
        r"It costs \$3 or \$4, 5 < 6 & 7 > 2, &lt; is a sign, `$x` and `\begin{x` are code.",
        "<details><summary>More</summary>\n\n$y$\n\n</details>",
        "Half (0.5), and (7.5) of a chapter that is not there.",
    ],
)
def test_what_is_whole_is_shown(tmp_path: Path, text: str) -> None:
    assert len(read_chapters(course(tmp_path, text))) == 2


def test_what_jupyterlab_makes_beside_the_notebooks_is_no_chapter(tmp_path: Path) -> None:
    """A duplicate, which has the same equations, and a new notebook."""
    folder = course(tmp_path, "Text.") / "notebooks"
    (folder / "01_why-Copy1.ipynb").write_bytes((folder / "01_why.ipynb").read_bytes())
    (folder / "Untitled.ipynb").write_text('{"cells": []}', encoding="utf-8")
    assert [page.stem for page in read_chapters(tmp_path)] == ["01_why", "02_how"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[x](03_what.ipynb)", "a link to '03_what.html', which is no notebook and no file"),
        ("[x](01_why.ipynb#no-part)", "'01_why.html#no-part', which is no heading or equation of"),
        ("[x](01_why.ipynb#eq-1.2)", "'01_why.html#eq-1.2', which is no heading or equation"),
        ("[x](#a-part-with-x)", "'#a-part-with-x', which is no heading or equation of that"),
        ("[x](../lop.py)", "a link to '../lop.py', which is no notebook and no file"),
        ("By (1.2) it is so.", "(1.2) is no equation of the course"),
        ("$$y=2 \\tag{1.1}$$", "equation (1.1) stands in 01_why.html and in 02_how.html"),
        ("$$y \\tag{2.1}$$\n\n$$z \\tag{2.1}$$", "equation (2.1) stands twice"),
        ("Here $x + y is it.", "a formula that is not closed, or opened, at 'Here $x + y is it.'"),
        ("Here x$ is it.", "a formula that is not closed, or opened, at 'Here x$ is it.'"),
        ("$$x = 1\n\nand more.", "a formula that is not closed, or opened, at '$$x = 1'"),
        ("> x = 1$$", "a formula that is not closed, or opened"),
        (r"\begin{aligned} x = 1", "a formula that is not closed, or opened"),
        (r"So $\frac{1}$.", "a formula that cannot be drawn: '\\\\frac{1}' has mfrac of 1 parts"),
        (r"$$\nosuch$$", "a formula that cannot be drawn"),
        ("A <b>bold</b> word.", "raw HTML that a page does not have: '<b>'"),
        ('<img src="x.png">', "raw HTML that a page does not have: '<img src=\"x.png\">'"),
        ("<!-- not seen -->", "raw HTML that a page does not have"),
        ("<script>alert(1)</script>", "raw HTML that a page does not have: '<script>'"),
        ('<details onclick="x">', "raw HTML that a page does not have"),
        ("<details><summary>More</summary>\n\nText.", "<details> is not closed in its cell"),
        ("Text.\n\n</details>", "</details> closes nothing"),
        ("<details><summary>The $x$</summary>\n\n</details>", "a formula within raw HTML"),
        ("![a curve](curve.png)", "a picture by its address, 'curve.png'"),
    ],
)
def test_what_would_be_a_broken_page_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)) as caught:
        read_chapters(course(tmp_path, text))
    named = "equation (1.1) stands in" in why or str(caught.value).startswith(
        "02_how.ipynb: cell 2: "
    )
    assert named, caught.value


def test_an_exercise_that_is_not_in_the_course_is_refused(tmp_path: Path) -> None:
    exercise(tmp_path, 'check("4.z", ...)')
    with pytest.raises(ValueError, match=r"^02_how\.ipynb: cell 3: no exercise '4\.z'; did you"):
        read_chapters(tmp_path)


def test_words_and_signs_come_through() -> None:
    """What is an entity, or escaped, is one sign."""
    assert Prose().html_of(r"\$3 &lt; 4 &amp; \<5") == "<p>$3 &lt; 4 &amp; &lt;5</p>\n"
