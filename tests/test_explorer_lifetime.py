"""Explorers are freed: by close(), and when their cell runs again, in a real kernel."""

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from IPython.core.formatters import DisplayFormatter
from ipywidgets.widgets.widget import _instances  # every widget that is open
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import start_new_async_kernel
from matplotlib.artist import Artist
from test_engine import Awkward, GaussianGap

from course_lib.explorers.stage.work import at_work

Run = Callable[..., Awaitable[str]]
HERE = str(Path(__file__).parent)
SETUP = f"""import gc, sys; sys.path.insert(0, {HERE!r})
from test_engine import GaussianGap
def held():
    gc.collect()
    return sum(type(thing) is GaussianGap and not thing._closed for thing in gc.get_objects())
def megabytes():
    import psutil
    return psutil.Process().memory_info().rss / 2**20"""
CLOSED = r"closed\. Its cell ran again, or close\(\) was called"
MAKE = "explorer = GaussianGap()\nexplorer"


def test_close_frees_figure_canvas_arrays_and_widgets() -> None:
    before = len(_instances)
    explorer = GaussianGap()
    parts = [explorer._stage, explorer._stage.figure, explorer._stage._canvas, explorer.line]
    parts += [explorer.z.base if explorer.z.base is not None else explorer.ledger]
    parts += list(explorer.children) + list(explorer._widgets.values())
    gone = [weakref.ref(part) for part in parts]
    assert any(isinstance(part, Artist) for part in parts)
    explorer.close()
    del parts
    gc.collect()
    assert not [ref() for ref in gone if ref() is not None]
    assert len(_instances) == before
    explorer.close()  # once more does no harm


def test_a_closed_explorer_says_so() -> None:
    explorer = Awkward()
    dot = explorer.dot
    explorer.close()
    assert repr(explorer) == "1 < 2 & x: closed."
    asked: list[Callable[[], object]] = [
        *(lambda: explorer.at(x=3), lambda: explorer.opened(x=3), explorer.reset, explorer.png),
        *(lambda: explorer.moving(dot), explorer.redraw),
    ]
    for ask in asked:
        with pytest.raises(RuntimeError, match=CLOSED):
            ask()
    explorer._draw()  # the page's loop had taken it off its list already
    assert explorer.numbers == {"inverse": 0.5}
    assert DisplayFormatter().format(explorer) == ({"text/plain": repr(explorer)}, {})


@pytest.mark.parametrize("name", ["at", "png", "_draw"])
def test_a_thread_that_was_waiting_when_it_closed_is_told(name: str) -> None:
    explorer = Awkward()
    said: list[str] = []

    def ask() -> None:
        try:
            getattr(explorer, name)()
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=ask)
    with at_work():
        thread.start()
        thread.join(0.2)  # by now it waits for its turn to draw
        explorer.close()
    thread.join()
    told = f"RuntimeError: {explorer!r} Its cell ran again, or close() was called."
    assert said == ([] if name == "_draw" else [told])


class Broken(Awkward):
    """Cannot be drawn at its start."""

    def update(self, x: int, axis: str) -> None:  # type: ignore[override]
        raise ValueError("not to be drawn")


def test_an_explorer_that_cannot_be_made_leaves_nothing() -> None:
    before = len(_instances)
    with pytest.raises(ValueError, match="not to be drawn"):
        Broken()
    assert len(_instances) == before


def test_a_program_ends_without_a_word_about_its_explorers() -> None:
    program = f"import sys; sys.path.insert(0, {HERE!r}); import test_engine\n"
    program += "explorer = test_engine.Awkward(); explorer.at(x=3)"
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True)
    assert run.stderr == ""


def in_a_kernel(story: Callable[[Run], Awaitable[None]]) -> None:
    """Tells `story` a function that runs code as a cell, and returns what it prints."""

    async def tell() -> None:
        manager, client = await start_new_async_kernel(kernel_name="python3")
        try:

            async def run(code: str, cell: str = "setup", deleted: tuple[str, ...] = ()) -> str:
                return await execute(client, code, {"cellId": cell, "deletedCells": [*deleted]})

            await run(SETUP)
            await story(run)
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)

    asyncio.run(tell())


async def execute(client: AsyncKernelClient, code: str, metadata: dict[str, object]) -> str:
    """Runs `code` as JupyterLab does, which says which cell it is."""
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    request = client.session.msg(
        "execute_request", {**content, "user_expressions": {}}, metadata=metadata
    )
    client.shell_channel.send(request)
    printed = ""
    while True:
        message = await client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
            continue
        said = message["content"]
        if message["msg_type"] == "stream":
            printed += said["text"]
        assert message["msg_type"] != "error", "\n".join(said.get("traceback", []))
        if message["msg_type"] == "status" and said["execution_state"] == "idle":
            return printed.strip()


def test_a_cell_that_runs_ten_times_takes_no_more_memory() -> None:
    async def story(run: Run) -> None:
        sizes = []
        for _ in range(10):
            await run(MAKE, "a")
            sizes.append(float(await run("print(megabytes())", "size")))
        assert await run("print(held())", "size") == "1"
        # One picture of 1600 × 700 takes some 14 MB, so that seven kept ones would take a hundred.
        assert sizes[-1] - sizes[2] < 40, sizes

    in_a_kernel(story)


def test_an_explorer_lives_while_a_name_or_a_cell_holds_it() -> None:
    async def story(run: Run) -> None:
        await run(MAKE, "a")
        await run("mine = explorer", "b")
        await run(MAKE, "a")
        assert await run("print(held(), mine._closed)", "c") == "2 False"  # a name holds it
        await run("del mine", "b")
        assert await run("print(held())", "c") == "1"
        await run("explorer", "d")
        await run(MAKE, "a")
        assert await run("print(held())", "c") == "2"  # cell d still shows the first one
        await run("explorer", "d")
        assert await run("print(held())", "c") == "1"
        await run("GaussianGap()", "e")
        await run("GaussianGap()", "f")
        assert await run("print(held())", "c") == "3"
        await run("'no explorer any more'", "e")
        await run("'another cell'", "g", ("f",))
        assert await run("print(held())", "c") == "1"

    in_a_kernel(story)


def test_two_explorers_of_one_run_live_together() -> None:
    async def story(run: Run) -> None:
        for _ in range(2):
            await run("both = [GaussianGap(), GaussianGap()]", "a")
            assert await run("print(held(), both[0].at(mean=0.3)['gap'] > 0)", "b") == "2 True"

    in_a_kernel(story)


BAGS = {  # what is made empty, and how one more explorer is put into it
    "bag[KEY] = GaussianGap()": "{}",
    "bag.append(GaussianGap())": "[]",
    "bag['both'][0] += (GaussianGap(),)": "{'both': [()]}",
    "bag.__dict__.setdefault(KEY, GaussianGap())": "type('Bag', (), {})()",
    "bag.children += (GaussianGap(),)": "widgets.VBox()",
    "bag.append(GaussianGap().at)": "[]",
}


def test_an_explorer_lives_while_something_with_a_name_holds_it() -> None:
    """The reader edits the one cell from key a to key b, and both explorers are meant to stay."""

    async def story(run: Run) -> None:
        for put, empty in BAGS.items():
            await run(f"import ipywidgets as widgets; bag = {empty}", "a")
            await run(put.replace("KEY", "'a'"), "b")
            await run(put.replace("KEY", "'b'"), "b")
            await run("'the next cell'", "c")
            assert await run("print(held())", "d") == "2", put
            await run("Out  # where IPython keeps every result does not count", "d")
            await run("del bag", "a")
            assert await run("print(held())", "d") == "1", put  # the last run of b
            await run("'no explorer any more'", "b")
            assert await run("print(held())", "d") == "0", put

    in_a_kernel(story)
