"""A notebook in JupyterLab in a real browser, used as a reader uses it: run all, move every slider.

Needs Debian's chromium, or Chrome. COURSE_BROWSER_NOTEBOOKS names the notebooks, such as `1,4` or
`all` (the first alone by default); COURSE_SCREENSHOTS names a folder to keep pictures in.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from notebook_rules import FOLDER, Notebook
from playwright.sync_api import Locator, Page, TimeoutError, sync_playwright

import start

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next((found for found in map(shutil.which, NAMES) if found), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]
TOKEN = "token-of-the-browser-test"
PATIENCE = 60_000  # milliseconds; the other worker may be busy
SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # Every cell is in the page, also those out of sight.
    "notebook-extension/tracker": {"windowingMode": "none"},
}
READY = """async () => {
    const panel = window.jupyterapp?.shell.currentWidget;
    if (!panel?.context) return false;
    await panel.context.ready;
    await panel.context.sessionContext.ready;
    const kernel = panel.context.sessionContext.session?.kernel;
    if (!kernel) return false;
    await kernel.info;
    return window.jupyterapp.commands.isEnabled('runmenu:run-all');
}"""
ALL_NUMBERED = """count => {
    const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
    const numbered = prompts.filter(p => /\\[\\d+\\]/.test(p.textContent)).length;
    const status = document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status;
    return prompts.length === count && numbered === count && status === 'idle';
}"""
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

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no chromium or Chrome on this machine: nothing was browsed"
    ),
]


def chosen() -> list[Path]:
    """The notebooks to browse."""
    wanted = os.environ.get("COURSE_BROWSER_NOTEBOOKS", "1")
    paths = sorted(FOLDER.glob("*.ipynb"))
    if wanted == "all":
        return paths
    numbers = {int(word) for word in wanted.split(",")}
    return [path for path in paths if int(path.name[:2]) in numbers]


def cleared(path: Path, folder: Path) -> Path:
    """A copy of the notebook as it was before anything ran."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    copy = folder / path.name
    nbformat.write(notebook, copy)
    return copy


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """JupyterLab's address and folder: on loopback, with private settings and no news."""
    home = tmp_path_factory.mktemp("a reader's home")
    work = home / "work"
    work.mkdir()
    for name, values in SETTINGS.items():
        place = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(values), encoding="utf-8")
    private = {
        "HOME": "",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    environment = {**os.environ, **{key: str(home / value) for key, value in private.items()}}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", *start.lab_settings()),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={work}"),
        "--LabApp.expose_app_in_browser=True",
    ]
    log = home / "lab.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=work)
        try:
            wait_for(f"http://127.0.0.1:{port}/api?token={TOKEN}", server, log)
            yield f"http://127.0.0.1:{port}", work
        finally:
            server.terminate()
            server.wait(30)


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when the server answers; fails with its log if it ends or is silent for a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not answer:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def page(lab: tuple[str, Path]) -> Iterator[Page]:
    """One page in the browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


@pytest.mark.parametrize("path", chosen(), ids=lambda path: path.stem)
def test_a_reader_runs_it_and_moves_every_slider(
    path: Path, lab: tuple[str, Path], page: Page
) -> None:
    address, work = lab
    notebook = Notebook.read(path)
    copy = cleared(path, work)
    complaints, asked = listen(page)
    page.goto(f"{address}/lab/tree/{copy.name}?token={TOKEN}&reset")
    page.wait_for_function(READY)
    page.locator(".jp-Notebook .jp-Cell").first.click()  # menus act on what has the focus
    page.wait_for_function(READY)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(ALL_NUMBERED, arg=len(notebook.code))
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


def listen(page: Page) -> tuple[list[str], list[str]]:
    """Lists that fill as the page complains and asks for addresses."""
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    return complaints, asked


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
