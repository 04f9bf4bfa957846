"""A notebook in JupyterLab in a real browser, used as a reader uses it: run all, move every slider.

Needs Debian's chromium, or Chrome. COURSE_BROWSER_NOTEBOOKS names the notebooks, such as `1,4` or
`all` (the first alone by default); COURSE_SCREENSHOTS names a folder to keep pictures in.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browsing import MARKS, Lab, browsing, cleared, listen, open_notebook, run_all
from notebook_rules import FOLDER, Notebook
from playwright.sync_api import Locator, Page, TimeoutError

from course_lib.index import notebook_paths

# The picture beside a slider is looked up anew each time: the page may replace its node.
PICTURE = """handle => handle.closest('.jp-OutputArea-output')
    ?.querySelector('img.widget-image, .widget-image img')?.src"""
CHANGED = (
    f"([handle, before]) => {{ const now = ({PICTURE})(handle); return now && now !== before }}"
)

# Equations that MathJax refused, macros that it does not know, and those it did not recognise.
BAD_MATHS = """() => [...document.querySelectorAll('.jp-RenderedMarkdown')].flatMap(text => {
    const bad = [...text.querySelectorAll('mjx-merror, [mathcolor="red"]')];
    const plain = text.cloneNode(true);
    plain.querySelectorAll('code, mjx-container').forEach(node => node.remove());
    return [...bad.map(node => node.dataset.mjxError ?? node.textContent),
            ...(plain.textContent.match(/.*\\$\\$.*|.*\\\\[a-z]+.*/g) ?? [])];
})"""

pytestmark = MARKS


def chosen() -> list[Path]:
    """The notebooks to browse."""
    wanted = os.environ.get("COURSE_BROWSER_NOTEBOOKS", "1")
    paths = notebook_paths(FOLDER)
    if wanted == "all":
        return paths
    numbers = {int(word) for word in wanted.split(",")}
    return [path for path in paths if int(path.name[:2]) in numbers]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """JupyterLab's address and folder."""
    here = Lab(tmp_path_factory.mktemp("a reader's home"))
    with here.running() as address:
        yield address, here.work


@pytest.fixture(scope="module")
def page(lab: tuple[str, Path]) -> Iterator[Page]:
    """One page in the browser."""
    with browsing() as page:
        yield page


@pytest.mark.parametrize("path", chosen(), ids=lambda path: path.stem)
def test_a_reader_runs_it_and_moves_every_slider(
    path: Path, lab: tuple[str, Path], page: Page
) -> None:
    address, work = lab
    notebook = Notebook.read(path)
    copy = cleared(path, work)
    complaints, asked = listen(page)
    open_notebook(page, address, copy.name)
    run_all(page, len(notebook.code))
    raising = sum("raises-exception" in cell.tags for cell in notebook.code)
    errors = page.locator('[data-mime-type="application/vnd.jupyter.error"]').count()
    assert errors == raising
    assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    nothing(page.evaluate(BAD_MATHS))
    # A slider that has no part in the picture at these values is greyed out.
    handles = page.locator(".jp-Notebook .noUi-target:not([disabled]) .noUi-handle").all()
    assert handles, "no slider"
    for handle in handles:
        move(page, handle)
    keep_pictures(page, path.stem)
    nothing([url for url in asked if not is_local(url)])
    nothing(complaints)


def nothing(found: list[str]) -> None:
    """Fails with all that was found, if anything was."""
    assert not found, "\n".join(found)


def is_local(url: str) -> bool:
    """Whether an address stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.hostname in ("127.0.0.1", "localhost")


def move(page: Page, handle: Locator) -> None:
    """One step with the keyboard, and the picture of that slider's explorer is another one."""
    element = handle.element_handle()
    before = element.evaluate(PICTURE)
    assert before, "a slider with no picture beside it"
    label = element.evaluate("h => h.closest('.jupyter-widgets').innerText")
    at_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
    handle.scroll_into_view_if_needed()
    handle.focus()
    handle.press("ArrowLeft" if at_end else "ArrowRight")
    try:
        page.wait_for_function(CHANGED, arg=[element, before], polling="raf", timeout=20_000)
    except TimeoutError as error:
        pytest.fail(f"the slider {label!r} moved and the picture stayed: {error}")


def keep_pictures(page: Page, name: str) -> None:
    """The whole notebook as one tall picture, if COURSE_SCREENSHOTS names a folder."""
    folder = os.environ.get("COURSE_SCREENSHOTS")
    if not folder:
        return
    outer = "document.querySelector('.jp-WindowedPanel-outer')"
    tall = page.evaluate(f"() => {outer}.scrollHeight")
    page.set_viewport_size({"width": 1400, "height": min(int(tall) + 120, 16_000)})
    page.evaluate(f"() => {outer}.scrollTo(0, 0)")
    Path(folder).mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(500)
    page.screenshot(path=Path(folder) / f"{name}.png")
    page.set_viewport_size({"width": 1400, "height": 1000})
