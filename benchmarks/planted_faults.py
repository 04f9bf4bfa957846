"""Plants single faults in course_lib, one at a time, and counts those that the tests notice.

    python benchmarks/planted_faults.py --map       which test runs which line: once, some minutes
    python benchmarks/planted_faults.py [--count 300] [--seed 0] [--rooms exact bounds]
    python benchmarks/planted_faults.py --again     those that went unnoticed the last time

A fault is planted in memory alone. The tests that run its line are run, the fastest first, until
one fails. `--again` shows a fault to every test of the files that are named for its module.
A fault that changes nothing that the code promises stands in `planted_faults_harmless.txt` with the
reason, and is counted apart. Exit status 1 if fewer than 97 % of the others are noticed.
"""

import argparse
import functools
import hashlib
import importlib
import importlib.machinery
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import coverage
import pytest
from planting import ROOT, Fault, faults
from tqdm import tqdm

FOLDER = ROOT / "runs" / "planted"
HARMLESS = Path(__file__).with_name("planted_faults_harmless.txt")
ROOMS = (
    *("distributions", "exact", "bounds", "gradients", "minibatch", "nets", "chain_readings"),
    *("vae", "train", "evaluate", "checks", "data"),
)
# These run other processes, which would not see the fault, or look at the text of the code.
SKIPPED = ("benchmarks", "browser", "equations", "imports", "notebooks", "of_tests", "style")
QUIET = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:nbval", "--no-header", "--tb=no"]
ENOUGH, FEWEST = 60.0, 20  # seconds of tests, and tests, that a fault is shown to
NOTICED, UNNOTICED, TOO_LONG = "noticed", "unnoticed", "took too long"


class Recorder:
    """A pytest plugin: which test runs which line, and how long each takes."""

    def __init__(self) -> None:
        self.coverage = coverage.Coverage(source=[str(ROOT / "course_lib")], data_file=None)
        self.seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self.coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration

    def lines(self) -> dict[str, dict[int, list[str]]]:
        """File, line, tests."""
        data = self.coverage.get_data()
        found: dict[str, dict[int, list[str]]] = {}
        for path in data.measured_files():
            name = Path(path).relative_to(ROOT).as_posix()
            found[name] = {k: [t for t in v if t] for k, v in data.contexts_by_lineno(path).items()}
        return found


def fingerprint() -> str:
    """Of the package and the tests: a map of others would send faults to the wrong tests."""
    files = [p for name in ("course_lib", "tests") for p in sorted((ROOT / name).rglob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def write_map() -> None:
    """Runs the tests once under coverage and stores which of them runs which line."""
    recorder = Recorder()
    left_out = [f"--ignore=tests/test_{name}.py" for name in SKIPPED]
    left_out.append("--ignore-glob=*/tests/test_start*.py")
    recorder.coverage.start()
    pytest.main(["-q", *QUIET[2:], "-m", "not slow", *left_out, "tests"], plugins=[recorder])
    recorder.coverage.stop()
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = {"lines": recorder.lines(), "seconds": recorder.seconds, "of": fingerprint()}
    (FOLDER / "map.json").write_text(json.dumps(found))


def stored(name: str, advice: str) -> Any:
    """What an earlier run has left behind. Raises SystemExit with the advice if none has."""
    path = FOLDER / name
    if not path.exists():
        raise SystemExit(advice)
    return json.loads(path.read_text())


class Tests:
    """Which tests to run for a fault."""

    def __init__(self) -> None:
        found = stored("map.json", "there is no map of the tests: make it with --map, once")
        self.lines: dict[str, dict[str, list[str]]] = found["lines"]
        self.seconds: dict[str, float] = found["seconds"]
        if found["of"] != fingerprint():
            raise SystemExit("the code has changed since --map: make the map again")

    def of(self, fault: Fault) -> list[str]:
        """Those that run its line, the fastest first; if only an import does, those of the file."""
        lines = self.lines.get(fault.path, {})
        tests = lines.get(str(fault.line)) or sorted({t for of in lines.values() for t in of})
        return sorted(tests, key=lambda test: self.seconds.get(test, 0.0))

    def named_for(self, fault: Fault) -> list[str]:
        """The test files of the module: a test that shares a fixture may not have run the line."""
        room, *_, module = Path(fault.path).relative_to("course_lib").with_suffix("").parts * 2
        every = {test.split("::")[0] for test in self.seconds}
        of_room = sorted(name for name in every if f"test_{room}" in name)
        return [name for name in of_room if module in name] or of_room


@functools.cache
def tests() -> Tests:
    """Read once a process."""
    return Tests()


def plant(fault: Fault) -> None:
    """From now on an import of the file brings the fault with it."""
    target = str(ROOT / fault.path)
    whole = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: Any, fullname: str) -> Any:
        if Path(self.path).resolve() == Path(target):
            return compile(fault.tree, target, "exec")
        return whole(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def found_by(status: int) -> str:
    """What pytest's exit status says: 1 a test failed, 2 and 4 its file could not be imported."""
    if status in (0, 1, 2, 4) or status < 0:  # negative: the fault brought the process down
        return NOTICED if status else UNNOTICED
    raise RuntimeError(f"pytest could not run the tests: exit status {status}")


def in_child(fault: Fault | None, names: list[str], limit: float) -> str:
    """Runs tests with the fault planted, in a fork of this process, which has torch loaded."""
    child = os.fork()
    if child == 0:
        status = 3
        try:
            os.setsid()
            for stream in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            if fault is not None:
                plant(fault)
            status = int(pytest.main([*QUIET, *names]))
        finally:  # whatever was raised: a fork must not go on as if it were its parent
            os._exit(status)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return found_by(os.waitstatus_to_exitcode(status))
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TOO_LONG


def verdict(fault: Fault) -> str:
    """Whether the tests that run the fault's line notice it: as many as take a minute or so."""
    seconds = tests().seconds
    near: list[str] = []
    usual = 0.0
    for test in tests().of(fault):
        usual += seconds.get(test, 0.0)
        if usual > ENOUGH and len(near) >= FEWEST:
            break
        near.append(test)
    return in_child(fault, near, limit=120 + 10 * usual) if near else UNNOTICED


def second_look(fault: Fault) -> str:
    """Whether any of the tests that are named for the fault's module notices it."""
    return in_child(fault, tests().named_for(fault), limit=1800)


def sample(rooms: list[str], count: int, seed: int) -> list[Fault]:
    """As many faults from each room as its share of all, drawn without replacement."""
    package = ROOT / "course_lib"
    paths = [p for room in rooms for p in sorted((package / room).rglob("*.py"))]
    paths += [p for room in rooms if (p := package / f"{room}.py").exists()]
    every = [fault for path in paths if path.name != "__main__.py" for fault in faults(path)]
    print(f"{len(every)} faults can be planted in {len(paths)} files")
    return random.Random(seed).sample(every, min(count, len(every)))


def harmless() -> dict[str, str]:
    """Faults that are none, with the reason."""
    lines = HARMLESS.read_text(encoding="utf-8").splitlines() if HARMLESS.exists() else []
    entries = [line.rsplit(" | ", 1) for line in lines if line and not line.startswith("#")]
    return dict(entries)


def run(chosen: list[Fault], workers: int, judge: Callable[[Fault], str]) -> int:
    """Plants each and prints those that go unnoticed, and the shares. Returns the exit status."""
    if in_child(None, sorted(tests().seconds)[:50], limit=600) != UNNOTICED:
        raise SystemExit("tests fail without any fault")
    reasons = harmless()
    unnoticed: list[Fault] = []
    counted: dict[str, int] = defaultdict(int)
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        verdicts = tqdm(pool.imap(judge, chosen), total=len(chosen), smoothing=0)
        for fault, found in zip(chosen, verdicts, strict=True):
            text = str(fault)
            if found == UNNOTICED and text in reasons:
                found = "no fault"
            counted[found] += 1
            if found == UNNOTICED:
                unnoticed.append(fault)
                tqdm.write(f"{fault.line:4d} {text}")
    places = [[fault.path, fault.node, fault.variant] for fault in unnoticed]
    (FOLDER / "unnoticed.json").write_text(json.dumps(places))
    real = counted[NOTICED] + counted[UNNOTICED]
    share = counted[NOTICED] / max(real, 1)
    print(", ".join(f"{count} {name}" for name, count in sorted(counted.items())))
    print(f"noticed: {counted[NOTICED]} of {real} that change what the code does, {share:.1%}")
    return 0 if share >= 0.97 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--map", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rooms", nargs="+", default=ROOMS, choices=ROOMS)
    parser.add_argument("--workers", type=int, default=1)
    words = parser.parse_args()
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    if words.map:
        write_map()
        return 0
    for name in ("torch", "scipy.stats"):  # so that no fork has to load them
        importlib.import_module(name)
    if words.again:
        last = stored("unnoticed.json", "nothing to show again: first run it without --again")
        chosen = [Fault(*place) for place in last]
    else:
        chosen = sample(words.rooms, words.count, words.seed)
    return run(chosen, words.workers, second_look if words.again else verdict)


if __name__ == "__main__":
    sys.exit(main())
