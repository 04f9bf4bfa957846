"""A reader in a real browser: comes back the next day, listens to the controls, has a small screen.

COURSE_SCREENSHOTS names a folder to keep pictures in.
"""

import re
from collections.abc import Iterator

import nbformat
import pytest
from browsing import MARKS, Lab, browsing, cleared, keep_screenshot, open_notebook, run_all
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook_rules import Notebook
from playwright.sync_api import Page, expect
from refresh import METADATA

import start
from course_lib.explorers.stage.page import ASLEEP
from course_lib.teach.notebooks import chapter_path

pytestmark = MARKS

EXPLORER = '''"""One of every kind of control."""

from course_lib.explorers.stage import Choice, Explorer, Reading, Slider, Steps, Toggle
from course_lib.plots import panels


class Everything(Explorer):
    """A point, moved by one of every kind of control."""

    title = "One of every kind of control"
    controls = (
        Slider("mean", "mean of q, μ", -2.0, 2.0, 0.05, start=1.4),
        Slider("count", "draws, K", 1, 64, 1, start=8),
        Slider("scale", "scale, s", 1e-3, 1e3, 0.1, start=1.0, log=True),
        Steps("beta", "weight β", (0.5, 1.0, 2.5, 64.0), start=1.0),
        Choice("world", "world", ("linear", "tanh"), start="linear"),
        Choice("digit", "digit", tuple("abcdef"), start="b"),
        Toggle("filled", "fill q", start=False),
    )

    def build(self, figure):
        (ax,) = panels(figure)
        ax.set(xlim=(-2, 2), ylim=(0, 1))
        (self.point,) = ax.plot([0.0], [0.0], "o")
        self.moving(self.point)

    def update(self, mean, count, scale, beta, world, digit, filled):
        self.point.set_data([mean], [count / 64])
        values = f"{mean!r}, {count!r}, {scale:.3g}, {beta!r}, {world}, {digit}, {filled}"
        return Reading({"mean": mean}, f"The values are {values}.")
'''
SMALL = "small.ipynb"
CELLS = ["from everything import Everything", "explorer = Everything()\nexplorer"]
PICTURES = """() => [...document.querySelectorAll('.jp-Notebook .jp-OutputArea-output img')]
    .filter(image => image.naturalWidth > 1)
    .map(image => [image.alt || image.title, image.nextSibling?.textContent ?? ''])"""
TOUCHED = """one => {
    one.scrollIntoView({block: 'center'});
    const box = one.getBoundingClientRect();
    return one.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}"""
RESTART = """async () => {
    await window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart();
}"""
PICTURES_EXTENSION = start.IN_LAB / "course-pictures" / "static" / "remoteEntry.js"
# Which of several copies of JupyterLab's module the extension asks for its tracker.
TRACKER = """async ([versions, loaded]) => {
    const copy = version => ({
        get: async () => () => ({INotebookTracker: version}),
        loaded: version === loaded ? 1 : undefined,
    });
    const copies = Object.fromEntries(versions.map(version => [version, copy(version)]));
    const extension = window._JUPYTERLAB['course-pictures'];
    extension.init({'@jupyterlab/notebook': copies});
    return (await extension.get())().default.requires[0];
}"""
# What an output shows where the renderer of widgets holds so many and writes these words.
RENDERED = """async ([count, marked, words]) => {
    const VIEW = 'application/vnd.jupyter.widget-view+json';
    const make = type => {
        const node = document.createElement('div');
        const widget = {
            node,
            widgets: Array(count),
            hasClass: name => node.classList.contains(name),
            removeClass: name => node.classList.remove(name),
            renderModel: async () => {
                node.textContent = words;
                if (marked) node.classList.add('jupyter-widgets');
            },
        };
        const picture = {node, renderModel: async () => { node.textContent = 'picture'; }};
        return type === VIEW ? widget : picture;
    };
    const rendermime = {createRenderer: make};
    const extension = window._JUPYTERLAB['course-pictures'];
    extension.init({'@jupyterlab/notebook': {'4.0.0': {get: async () => () => ({})}}});
    const panels = [{content: {rendermime}}];
    panels.widgetAdded = {connect: () => {}};
    (await extension.get())().default.activate({}, panels);
    const renderer = rendermime.createRenderer(VIEW);
    await renderer.renderModel({data: {[VIEW]: {}, 'image/png': 'png'}, metadata: {}});
    return renderer.node.textContent;
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browsing() as page:
        yield page


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """With a small notebook whose explorer has every kind of control."""
    home = Lab(tmp_path_factory.mktemp("a reader's home"))
    (home.work / "everything.py").write_text(EXPLORER, encoding="utf-8")
    cells = [new_markdown_cell("# Small"), *(new_code_cell(source) for source in CELLS)]
    notebook = new_notebook(cells=cells, metadata=METADATA)
    nbformat.write(notebook, home.work / SMALL)
    return home


@pytest.fixture(scope="module")
def address(home: Lab) -> Iterator[str]:
    """Of JupyterLab, running."""
    with home.running() as address:
        yield address


@pytest.fixture
def small(page: Page, address: str) -> Page:
    """The page with the small notebook, run."""
    open_notebook(page, address, SMALL)
    run_all(page, len(CELLS))
    expect(page.locator(".course-control").first).to_be_visible()
    return page


def save(page: Page) -> None:
    """Saves the notebook and waits until it is on disk."""
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")


def explorers_without_kernel(page: Page, count: int) -> list[list[str]]:
    """The pictures, once `count` explorers show their stored ones."""
    expect(page.locator(".course-note")).to_have_count(count)
    expect(page.get_by_text("model not found")).to_have_count(0)
    expect(page.locator(".jp-Notebook .noUi-handle")).to_have_count(0)  # no dead slider
    pictures: list[list[str]] = page.evaluate(PICTURES)
    return pictures


@pytest.mark.parametrize(
    ("versions", "loaded", "taken"),
    [
        (("4.9.2", "4.10.0"), None, "4.10.0"),
        (("4.10.0", "4.9.2"), None, "4.10.0"),
        (("4.10.0", "4.9.2"), "4.9.2", "4.9.2"),  # a second tracker would know no notebook
    ],
)
def test_pictures_take_the_module_that_everyone_takes(
    page: Page, versions: tuple[str, ...], loaded: str | None, taken: str
) -> None:
    page.goto("about:blank")
    page.evaluate(PICTURES_EXTENSION.read_text(encoding="utf-8"))
    assert page.evaluate(TRACKER, [versions, loaded]) == taken


@pytest.mark.parametrize(
    ("widgets", "marked", "words", "shown"),
    [
        (0, True, "Error displaying widget", "picture"),
        (0, True, "Erreur : modèle introuvable", "picture"),  # whatever the words
        (0, False, "Loading widget...", "Loading widget..."),
        (1, False, "Error, says the sentence of a widget", "Error, says the sentence of a widget"),
    ],
)
def test_a_stored_picture_stands_in_for_a_widget_that_failed(
    page: Page, widgets: int, marked: bool, words: str, shown: str
) -> None:
    page.goto("about:blank")
    page.evaluate(PICTURES_EXTENSION.read_text(encoding="utf-8"))
    assert page.evaluate(RENDERED, [widgets, marked, words]) == shown


@pytest.mark.slow
def test_the_next_day_both_explorers_are_there(page: Page, home: Lab) -> None:
    source = chapter_path(4)
    notebook, copy = Notebook.read(source), cleared(source, home.work)
    with home.running() as address:
        open_notebook(page, address, copy.name)
        run_all(page, len(notebook.code))
        expect(page.locator(".course-explorer")).to_have_count(2)
        save(page)
        open_notebook(page, address, copy.name)  # the page again, the same kernel
        expect(page.locator(".course-explorer")).to_have_count(2)
    with home.running() as address:
        open_notebook(page, address, copy.name)
        pictures = explorers_without_kernel(page, 2)
        assert len(pictures) == len(notebook.pictures)
        assert all(len(words.split()) > 4 for words, _ in pictures)
        assert [below for _, below in pictures].count(ASLEEP) == 2
        page.locator(".course-note").first.scroll_into_view_if_needed()
        keep_screenshot(page, "the_next_day")
        page.locator(
            ".jp-Notebook .jp-CodeCell .jp-Placeholder"
        ).first.click()  # its code is folded
        page.keyboard.press("Shift+Enter")
        expect(page.locator(".course-explorer .noUi-handle").first).to_be_visible()


def test_a_restarted_kernel_leaves_a_picture_and_no_dead_slider(small: Page, address: str) -> None:
    save(small)
    small.evaluate(RESTART)
    expect(small.locator(".course-control:visible")).to_have_count(0)
    expect(small.locator(".course-reset")).to_be_hidden()
    expect(small.locator(".course-explorer img.widget-image")).to_be_visible()
    keep_screenshot(small, "kernel_restarted")
    open_notebook(small, address, SMALL)
    ((words, below),) = explorers_without_kernel(small, 1)
    assert words.startswith("The values are 1.4, 8, 1, 1.0, linear, b, False.")
    assert below == ASLEEP


def test_every_control_has_a_name_and_speaks_its_value_as_shown(small: Page) -> None:
    for name in ("mean of q, μ", "draws, K", "scale, s", "weight β"):
        handle = small.get_by_role("slider", name=name)
        handle.focus()
        handle.press("ArrowRight")
    small.get_by_role("button", name="tanh").click()
    small.get_by_role("combobox", name="digit").select_option("c")
    small.get_by_role("checkbox", name="fill q").check()
    # 1.4 and a step of 0.05 are 1.4500000000000002 in the page.
    drawn = "The values are 1.45, 9, 1.26, 2.5, tanh, c, True."
    expect(small.locator(".course-explorer [role=status]")).to_have_text(drawn)
    for name, words in {"mean of q, μ": "1.45", "draws, K": "9", "scale, s": "1.26"}.items():
        slider = small.get_by_role("slider", name=name, exact=True)
        expect(slider).to_have_attribute("aria-valuetext", words)
        box = small.get_by_role("textbox", name=f"{name}: type a value")
        expect(box).to_have_text(words)
    mean, weight = (small.get_by_role("slider", name=name) for name in ("mean of q, μ", "weight β"))
    expect(mean).to_have_attribute("aria-valuenow", "1.45")
    expect(weight).to_have_attribute("aria-valuetext", "2.5")
    world = small.get_by_role("group", name="world")
    expect(world.get_by_role("button", name="tanh", pressed=True)).to_be_visible()
    expect(world.get_by_role("button", name="linear", pressed=False)).to_be_visible()
    expect(small.get_by_role("combobox", name="digit", exact=True)).to_have_value("c")
    expect(small.get_by_role("checkbox", name="fill q", checked=True)).to_be_visible()
    expect(small.get_by_role("img", name=drawn, exact=True)).to_be_visible()
    nothing_is_nameless(small)


def nothing_is_nameless(page: Page) -> None:
    """Every control that the browser tells a screen reader of has a name in quotation marks."""
    lines = page.locator(".course-explorer").aria_snapshot().replace("'", "").splitlines()
    kinds = ("slider", "textbox", "combobox", "checkbox", "button", "group", "img")
    controls = [line for line in lines if line.lstrip(" -").startswith(kinds)]
    assert len(controls) >= 4 + 4 + 1 + 1 + 3 + 1 + 1
    assert all(re.search(r'"[^"]+"', line) for line in controls), "\n".join(controls)


def test_on_a_narrow_page_sliders_can_be_used(small: Page) -> None:
    small.set_viewport_size({"width": 700, "height": 1000})
    small.wait_for_timeout(500)
    tracks = small.locator(".course-explorer .slider-container")
    widths = tracks.evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert len(widths) == 4
    assert min(widths) >= 120
    whole = "one => one.scrollWidth <= one.clientWidth"
    assert small.locator(".course-reset").evaluate(whole)
    labels = small.locator(".course-explorer .widget-label:visible")
    assert labels.evaluate_all(f"all => all.every({whole})")
    keep_screenshot(small, "narrow")
    right = small.locator(".course-explorer").bounding_box()
    assert right is not None
    for control in small.locator(".course-explorer :is(input, select, button)").all():
        box = control.bounding_box()
        assert box is not None, control
        assert right["x"] <= box["x"] < box["x"] + box["width"] <= right["x"] + right["width"]
        assert control.evaluate(TOUCHED), "something lies over it"
