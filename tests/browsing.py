"""JupyterLab and a real browser for the tests that drive them: Debian's chromium, or Chrome."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect, sync_playwright

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
# Not async: Playwright takes the promise itself for a yes.
READY = """() => {
    const context = window.jupyterapp?.shell.currentWidget?.context;
    const session = context?.sessionContext;
    return Boolean(context?.isReady && session?.isReady
        && session.session?.kernel?.status === 'idle'
        && window.jupyterapp.commands.isEnabled('runmenu:run-all'));
}"""
# The cells themselves are asked: one whose code is folded shows no number.
ALL_NUMBERED = """count => {
    const cells = window.jupyterapp.shell.currentWidget.content.widgets;
    const code = cells.filter(cell => cell.model.type === 'code');
    const numbered = code.filter(cell => cell.model.executionCount).length;
    const status = document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status;
    return code.length === count && numbered === count && status === 'idle';
}"""

MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no chromium or Chrome on this machine: nothing was browsed"
    ),
]


class Lab:
    """JupyterLab on loopback, with private settings and no news, in a home that outlives it."""

    def __init__(self, home: Path) -> None:
        self.home, self.work = home, home / "work"
        self.work.mkdir()
        for name, values in SETTINGS.items():
            place = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(values), encoding="utf-8")

    @contextmanager
    def running(self) -> Iterator[str]:
        """Its address, while it runs."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", *start.lab_settings()),
            *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
            *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.work}"),
            "--LabApp.expose_app_in_browser=True",
        ]
        log = self.home / "lab.log"
        with log.open("w") as out:
            server = subprocess.Popen(
                command, env=self._environment(), stdout=out, stderr=out, cwd=self.work
            )
            try:
                wait_for(f"http://127.0.0.1:{port}/api?token={TOKEN}", server, log)
                yield f"http://127.0.0.1:{port}"
            finally:
                server.terminate()
                server.wait(30)

    def _environment(self) -> dict[str, str]:
        private = {
            "HOME": "",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }
        return {**os.environ, **{key: str(self.home / value) for key, value in private.items()}}


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


@contextmanager
def browsing(width: int = 1400, height: int = 1000) -> Iterator[Page]:
    """One page in the browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield page
        browser.close()


def cleared(path: Path, folder: Path) -> Path:
    """A copy of the notebook as it was before anything ran."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    copy = folder / path.name
    nbformat.write(notebook, copy)
    return copy


def open_notebook(page: Page, address: str, name: str) -> None:
    """Opens a notebook and waits until its kernel can be used."""
    page.goto(f"{address}/lab/tree/{name}?token={TOKEN}&reset")
    page.wait_for_function(READY)
    page.locator(".jp-Notebook .jp-Cell").first.click()  # menus act on what has the focus
    page.wait_for_function(READY)


def run_all(page: Page, count: int) -> None:
    """Opens what is folded, runs all cells, of which `count` hold code, and waits for the last."""
    begin_all(page)
    page.wait_for_function(ALL_NUMBERED, arg=count)


def begin_all(page: Page) -> None:
    """Opens what is folded, and lets all cells run."""
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:expand-all-headings')")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Run All Cells", exact=True).click()


def keep_screenshot(page: Page, name: str) -> None:
    """What is in sight, if COURSE_SCREENSHOTS names a folder."""
    folder = os.environ.get("COURSE_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(500)
        page.screenshot(path=Path(folder) / f"{name}.png")


def listen(page: Page) -> tuple[list[str], list[str]]:
    """Lists that fill as the page complains and asks for addresses."""
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    return complaints, asked
