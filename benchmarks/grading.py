"""How many submissions are graded in a minute, and whether each gets the marks that it should.

    python benchmarks/grading.py [--chapters 4] [--each 1] [--class NAME] [--only right]

Derives the assignment of each chapter, solves it by script (right, wrong, empty, with cells that
should not be; for a class also as published), and grades each so many times. Prints the marks, the
time of each by the clock and on the processor, and the minute's count for those that are no attack.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from submitting import four_ways

from course_lib.teach import Terms, grade
from course_lib.teach.confinement import Limits


@contextmanager
def timed(spent: list[tuple[float, float]]) -> Iterator[None]:
    """Adds the seconds by the clock, and on the processor, of this process and those it started."""
    clock, processor = time.perf_counter(), os.times()
    yield
    now = os.times()
    used = sum(now[:4]) - sum(processor[:4])
    spent.append((time.perf_counter() - clock, used))


def graded(
    folder: Path, chapter: int, class_name: str, only: list[str]
) -> Iterator[tuple[str, int, int, float, float]]:
    """Of each submission its name, its points, those that it should have, and its seconds."""
    wanted = four_ways(folder / "all", chapter, class_name)
    terms = Terms(class_name, limits=Limits(seconds=60, memory=1024))
    for name in [f"{one}.ipynb" for one in only] or wanted:
        points, own = wanted[name], folder / name
        own.mkdir()
        (folder / "all" / name).rename(own / name)
        spent: list[tuple[float, float]] = []
        with timed(spent):
            (row,) = grade(own, folder / f"{name}.csv", terms, say=lambda line: None)
        yield name.removesuffix(".ipynb"), int(row.points), points, *spent[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--chapters", type=int, nargs="+", default=[4])
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--class", dest="class_name", default="")
    parser.add_argument("--only", nargs="+", default=[], help="such as right or empty")
    options = parser.parse_args()
    print("chapter  submission   points  of them   clock   processor")
    faults, ordinary = 0, []
    for chapter in [n for n in options.chapters for _ in range(options.each)]:
        with tempfile.TemporaryDirectory() as folder:
            for name, points, due, clock, used in graded(
                Path(folder), chapter, options.class_name, options.only
            ):
                print(f"{chapter:7d}  {name:10} {points:8d} {due:8d} {clock:6.1f} s {used:8.1f} s")
                faults += points != due
                ordinary += [] if name == "hostile" else [(clock, used)]
    for what, place in (("by the clock", 0), ("on a core", 1)):
        mean = sum(spent[place] for spent in ordinary) / len(ordinary)
        print(f"{60 / mean:.1f} a minute {what}, but for the hostile")
    print(f"{faults} with other marks than they should have")
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
