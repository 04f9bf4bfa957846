"""Students on a JupyterHub of this machine: how much memory they take, how soon a picture follows.

    python benchmarks/hub.py                 eight students
    python benchmarks/hub.py 1 8             one alone, then eight
    python benchmarks/hub.py --notebooks     what the kernel of each notebook takes at most

Each student logs in and runs all of notebook 4 in a browser window of their own. Then all of them
press arrow keys on a slider of its first explorer, each every one to three seconds, at moments of
their own. What is timed is, in the page, from a key press to a changed picture that is decoded. All
the browsers' work is done by the same machine, so it is an upper bound for what a class sees,
but for the network. Needs what README.md in notebooks/teaching/hub says.
"""

import argparse
import asyncio
import os
import platform
import random
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from playwright.async_api import Browser, Page, async_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks" / "teaching" / "hub"))

import try_hub
from browsing import ALL_NUMBERED, CHROMIUM, FLAGS, READY
from notebook_rules import FOLDER, Notebook
from test_hub import CLEAR, CLEARED, prepare

from course_lib.index import notebook_paths
from course_lib.teach.notebooks import chapter_path

NOTEBOOK = chapter_path(4)
PRESSES = 30  # by each student
PATIENCE = 600_000  # milliseconds
RUN = """async () => {
    const commands = window.jupyterapp.commands;
    await commands.execute('notebook:expand-all-headings');
    commands.execute('runmenu:run-all');
}"""
# From the next key press on this slider to its picture's next change, decoded: in milliseconds.
ARM = """handle => {
    const area = handle.closest('.jp-OutputArea-output');
    const shown = () => area.querySelector('img.widget-image, .widget-image img');
    const before = shown().src;
    window.answered = new Promise(answer => {
        let pressed;
        handle.addEventListener('keydown', event => { pressed = event.timeStamp; },
            {capture: true, once: true});
        const observer = new MutationObserver(() => {
            const image = shown();
            if (pressed === undefined || !image || image.src === before) return;
            observer.disconnect();
            image.decode().then(() => answer(performance.now() - pressed));
        });
        observer.observe(area, {subtree: true, childList: true, attributeFilter: ['src']});
    });
}"""
PEAK = "\nimport resource\nprint('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


@dataclass
class Measured:
    """What so many students took: memory in MiB, time in seconds and milliseconds."""

    students: int
    hub: float
    servers: list[float]
    kernels: list[float]
    shared_out: float
    ran: float
    latencies: list[float]

    def row(self) -> str:
        """One line of the table."""
        ms = sorted(self.latencies)
        cells = [f"{self.students}", f"{self.hub:.0f}", f"{median(self.servers):.0f}"]
        cells += [f"{median(self.kernels):.0f}", f"{self.shared_out:.0f}", f"{self.ran:.0f}"]
        cells += [f"{len(ms)}", f"{median(ms):.0f}", f"{ms[int(0.95 * len(ms))]:.0f}"]
        return "| " + " | ".join(cells) + " |"


HEAD = (
    "| students | hub and proxy, MiB | a server, MiB | a kernel, MiB | all of a student, MiB "
    "| all cells, s | presses | median, ms | 95 in 100, ms |\n|" + "---:|" * 9
)


def mebibytes(process: psutil.Process) -> float:
    """What the process holds in memory, what it shares with others included."""
    return float(process.memory_info().rss) / 2**20


def memory(hub: try_hub.Hub, students: int) -> tuple[float, list[float], list[float], float]:
    """Hub and proxy; each server; each kernel; a student's part, with shared pages shared out."""
    first = psutil.Process(hub.process.pid)
    kinds: dict[str, list[psutil.Process]] = {"hub": [first], "server": [], "kernel": []}
    for process in first.children(recursive=True):
        words = " ".join(process.cmdline())
        kind = "kernel" if "ipykernel" in words else "server" if "singleuser" in words else "hub"
        kinds[kind].append(process)
    both = [*kinds["server"], *kinds["kernel"]]
    proportional = sum(process.memory_full_info().pss for process in both) / 2**20 / students
    sizes = {kind: [mebibytes(process) for process in found] for kind, found in kinds.items()}
    return sum(sizes["hub"]), sizes["server"], sizes["kernel"], proportional


async def log_in(browser: Browser, hub: try_hub.Hub, name: str) -> Page:
    """A student's page with notebook 4, its outputs cleared, its kernel ready."""
    prepare(hub.home(name))
    page = await browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE)
    await page.goto(hub.link(NOTEBOOK.name))
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill(hub.password)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_function(READY, polling=500)
    await page.evaluate(CLEAR)
    await page.wait_for_function(CLEARED, polling=500)
    return page


async def run_cells(page: Page) -> None:
    """All cells, to the last one's end."""
    await page.evaluate(RUN)
    cells = len(Notebook.read(NOTEBOOK).code)
    await page.wait_for_function(ALL_NUMBERED, arg=cells, polling=500)


async def press_keys(page: Page, chance: random.Random) -> list[float]:
    """Milliseconds from each key press to the picture that answers it."""
    handle = page.locator(".jp-Notebook .noUi-target:not([disabled]) .noUi-handle").first
    await handle.scroll_into_view_if_needed()
    await handle.focus()
    taken: list[float] = []
    for press in range(PRESSES):
        await asyncio.sleep(chance.uniform(1, 3))
        await handle.evaluate(ARM)
        await page.keyboard.press("ArrowLeft" if press % 20 < 10 else "ArrowRight")
        taken.append(await page.evaluate("() => window.answered"))
    return taken


async def measure(students: int) -> Measured:
    """A hub with so many students at work."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        try_hub.running(Path(folder)) as hub,
    ):
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            names = [f"student{number}" for number in range(1, students + 1)]
            pages = [await log_in(browser, hub, name) for name in names]
            start = time.perf_counter()
            await asyncio.gather(*map(run_cells, pages))
            ran = time.perf_counter() - start
            chances = [random.Random(number) for number in range(students)]
            taken = await asyncio.gather(*map(press_keys, pages, chances))
            sizes = memory(hub, students)
            await browser.close()
    return Measured(students, *sizes, ran, [ms for one in taken for ms in one])


def print_notebooks() -> None:
    """The most that each notebook's kernel takes, all its cells run once."""
    import nbformat
    from refresh import execute

    print("| notebook | kernel at most, MiB |\n|---|---:|")
    for path in notebook_paths(FOLDER):
        notebook: Any = nbformat.read(path, as_version=4)
        notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
        execute(notebook, path.parent)
        said = "".join(output.get("text", "") for output in notebook.cells[-1].outputs)
        (kibibytes,) = re.findall(r"peak (\d+)", said)
        print(f"| `{path.stem}` | {int(kibibytes) / 1024:.0f} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("students", nargs="*", type=int, default=[8])
    parser.add_argument("--notebooks", action="store_true", help="memory of each notebook, no hub")
    asked = parser.parse_args()
    if asked.notebooks:
        print_notebooks()
        return 0
    if lacking := try_hub.missing() or ("" if CHROMIUM else "no Chromium here"):
        parser.error(lacking)
    machine = f"{platform.system()}, {os.cpu_count()} cores"
    print(f"Python {platform.python_version()}, {machine}; load before: {os.getloadavg()[0]:.1f}\n")
    print(HEAD, flush=True)
    for students in asked.students:
        print(asyncio.run(measure(students)).row(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
