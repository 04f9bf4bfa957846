"""A JupyterHub that runs here: two students log in, and work through notebook 4 at the same time.

It needs what notebooks/teaching/hub/README.md says: jupyterhub and nbgitpuller beside the course,
and configurable-http-proxy on the PATH.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import try_hub
from browsing import ALL_NUMBERED, MARKS, PATIENCE, READY, SETTINGS, begin_all, browsing
from notebook_rules import Notebook
from playwright.sync_api import Page, expect
from test_browser import PICTURE, move

from course_lib.teach.notebooks import chapter_path

pytestmark = [
    *MARKS,
    pytest.mark.slow,
    pytest.mark.skipif(bool(try_hub.missing()), reason=f"no hub was tried: {try_hub.missing()}"),
]

NOTEBOOK = chapter_path(4)
HANDLES = ".jp-Notebook .noUi-target:not([disabled]) .noUi-handle"
CLEAR = "() => window.jupyterapp.commands.execute('editmenu:clear-all')"
CLEARED = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .every(cell => !cell.model.executionCount)"""
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"
# What the student's kernel prints of a piece of code.
ASK = """async code => {
    const panel = window.jupyterapp.shell.currentWidget;
    const said = [];
    const asked = panel.context.sessionContext.session.kernel.requestExecute({code});
    asked.onIOPub = message => said.push(message.content.text ?? message.content.evalue ?? '');
    await asked.done;
    return said.join('');
}"""
WHO = "import json, os, course_lib; print(json.dumps([os.getpid(), os.getcwd()]))"


@dataclass(frozen=True)
class Student:
    """One who is logged in, with notebook 4 open in a browser of their own."""

    name: str
    page: Page

    def ask(self, code: str) -> Any:
        """What the kernel says, read as JSON."""
        return json.loads(self.page.evaluate(ASK, code))

    def pictures(self) -> list[str]:
        """The picture beside each slider, by its address."""
        return [handle.evaluate(PICTURE) for handle in self.page.locator(HANDLES).all()]


def prepare(home: Path) -> None:
    """JupyterLab lets itself be asked, and has every cell in the page."""
    for name, values in SETTINGS.items():
        settings = home / ".jupyter" / "lab" / "user-settings" / "@jupyterlab"
        place = settings / f"{name}.jupyterlab-settings"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(values), encoding="utf-8")
    exposed = {"LabApp": {"expose_app_in_browser": True}}
    (home / ".jupyter" / "jupyter_lab_config.json").write_text(json.dumps(exposed))


def sign_in(page: Page, hub: try_hub.Hub, name: str, password: str) -> None:
    """Follows the link for students as far as the log-in page, and fills it in."""
    page.goto(hub.link(NOTEBOOK.name))
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def open_by_link(page: Page, hub: try_hub.Hub) -> None:
    """Follows the link for students, and waits until the notebook's kernel can be used."""
    page.goto(hub.link(NOTEBOOK.name))
    page.wait_for_function(READY)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[try_hub.Hub]:
    """The hub; afterwards nothing of it runs any more."""
    with try_hub.running(tmp_path_factory.mktemp("hub")) as hub:
        yield hub
        family = psutil.Process(hub.process.pid).children(recursive=True)
        assert len(family) >= 5  # the proxy, two servers, two kernels
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []


@pytest.fixture(scope="module")
def students(hub: try_hub.Hub) -> Iterator[list[Student]]:
    """Two, each in a browser that knows nothing of the other."""
    with browsing() as first:
        assert first.context.browser is not None
        pages = [first, first.context.browser.new_page(viewport=first.viewport_size)]
        found = []
        for name, page in zip(("ada", "ben"), pages, strict=True):
            page.set_default_timeout(3 * PATIENCE)  # two servers and two browsers start at once
            prepare(hub.home(name))
            sign_in(page, hub, name, hub.password)
            found.append(Student(name, page))
        for student in found:
            student.page.wait_for_function(READY)
        yield found


def test_two_students_work_through_a_notebook_at_the_same_time(students: list[Student]) -> None:
    notebook = Notebook.read(NOTEBOOK)
    for student in students:  # as it is stored, every cell has its number already
        student.page.evaluate(CLEAR)
        student.page.wait_for_function(CLEARED)
    for student in students:
        begin_all(student.page)
    for student in students:
        student.page.wait_for_function(ALL_NUMBERED, arg=len(notebook.code))
    raising = sum("raises-exception" in cell.tags for cell in notebook.code)
    for student in students:
        errors = student.page.locator('[data-mime-type="application/vnd.jupyter.error"]')
        expect(errors).to_have_count(raising)
    ada, ben = students
    handles = [student.page.locator(HANDLES).all() for student in students]
    assert len(handles[0]) == len(handles[1]) >= 4
    for hers, his in zip(*handles, strict=True):  # taking turns
        before = ben.pictures()
        move(ada.page, hers)
        assert ben.pictures() == before  # nobody moves another's
        before = ada.pictures()
        move(ben.page, his)
        assert ada.pictures() == before


def test_each_has_a_kernel_and_a_home_of_their_own(
    hub: try_hub.Hub, students: list[Student]
) -> None:
    ada, ben = students
    said = [student.ask(WHO) for student in students]
    assert said[0][0] != said[1][0]
    folders = [hub.home(student.name) / "course" / "notebooks" for student in students]
    assert [Path(folder) for _, folder in said] == folders
    ada.ask("mine = 4; print(mine)")
    assert ben.ask("print(int('mine' in globals()))") == 0


def test_what_the_teacher_adds_arrives_and_what_a_student_wrote_stays(
    hub: try_hub.Hub, students: list[Student]
) -> None:
    ada, _ = students
    own = hub.home(ada.name) / "course" / "notebooks"
    ada.page.evaluate(SAVE)
    (own / "mine.txt").write_text("what I think of the gap")
    worked = (own / NOTEBOOK.name).read_bytes()
    assert worked != NOTEBOOK.read_bytes()  # her outputs are in it
    course = hub.folder / "course"
    (course / "notebooks" / "for_monday.md").write_text("Read chapter 5.")
    author = ["-c", "user.name=teacher", "-c", "user.email=teacher@localhost"]
    subprocess.run(["git", "add", "."], cwd=course, check=True)
    subprocess.run(["git", *author, "commit", "--quiet", "-m", "Monday"], cwd=course, check=True)
    open_by_link(ada.page, hub)
    assert (own / "for_monday.md").read_text() == "Read chapter 5."
    assert (own / "mine.txt").read_text() == "what I think of the gap"
    assert (own / NOTEBOOK.name).read_bytes() == worked


def test_nobody_comes_in_without_the_password(hub: try_hub.Hub, students: list[Student]) -> None:
    browser = students[0].page.context.browser
    assert browser is not None
    page = browser.new_page()
    sign_in(page, hub, "eve", "guessed")
    expect(page.get_by_text(re.compile("Invalid username or password"))).to_be_visible()
    assert not hub.home("eve").exists()
    page.goto(f"{hub.address}/user/ada/lab")
    expect(page.get_by_label("Password")).to_be_visible()
    page.close()


def test_it_listens_on_loopback_alone(hub: try_hub.Hub, students: list[Student]) -> None:
    assert students
    hub_itself = psutil.Process(hub.process.pid)
    family = [hub_itself, *hub_itself.children(recursive=True)]
    addresses = {
        connection.laddr.ip
        for process in family
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}
