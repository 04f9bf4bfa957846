"""All explorers recorded, as many at a time as there are cores, each with one thread of its own.

One thread, because sums that several threads share may differ in their last digits, and a recording
must have the same bytes again.
"""

import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from pathlib import Path

import torch
from tqdm import tqdm

from course_lib.edition.cache import keep, kept, key_of
from course_lib.edition.catalogue import EXPLORERS
from course_lib.edition.packing import pack
from course_lib.edition.placing import require_writing
from course_lib.edition.stops import named_values, recorded_controls
from course_lib.edition.taking import record

# So that the last to end have begun early: the longest first.
LONGEST = ("PosteriorGap", "DepthAgainstOneLayer", "GradientNoise", "LogWeights", "LatentWalk")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def recordings(
    notebooks: Path, folder: Path, names: Iterable[str] = (), quiet: bool = False
) -> dict[str, bytes]:
    """The packed recordings of the explorers `names`, of all if none is named, by name.

    notebooks: the folder whose notebooks say which values are wanted. folder: where recordings are
    kept from one time to the next. A bar shows how many are done, unless `quiet`.
    Raises ValueError if a name is no explorer's, or one cannot be recorded; the others are kept;
    OSError if none can be kept.
    """
    wanted = list(names) or list(EXPLORERS)
    keys = {name: key(name, notebooks) for name in wanted}
    found = {name: data for name in wanted if (data := kept(folder, name, keys[name])) is not None}
    lacking = sorted(set(wanted) - set(found), key=_turn)
    if lacking:
        require_writing(folder)
    with tqdm(
        total=len(lacking), desc="recording", unit="explorer", disable=quiet or not lacking
    ) as bar:
        for name, data in _recorded(lacking, notebooks):
            keep(folder, name, keys[name], data)
            found[name] = data
            bar.update()
    return {name: found[name] for name in wanted}


def key(name: str, notebooks: Path) -> str:
    """The key of a recording, for which no explorer need be made.

    Raises ValueError if there is no explorer `name`.
    """
    if name not in EXPLORERS:
        raise ValueError(f"no explorer {name!r}; there is {', '.join(EXPLORERS)}")
    kind = EXPLORERS[name]
    controls = tuple(kind.controls)
    stops = recorded_controls(name, controls, named_values(name, controls, notebooks))
    return key_of(kind.__module__, repr((name, stops)))


def recorded(name: str, notebooks: Path) -> bytes:
    """The packed recording of one explorer, made anew in this process."""
    explorer = EXPLORERS[name].example()
    try:
        named = named_values(name, explorer.controls, notebooks)
        return pack(record(explorer, recorded_controls(name, explorer.controls, named)))
    finally:
        explorer.close()


def _recorded(names: list[str], notebooks: Path) -> Iterator[tuple[str, bytes]]:
    """Each name with its recording, in the order in which they are done.

    If one fails, those that have begun are still handed over, and none begins any more. Raises
    ValueError that names the one that failed.
    """
    if not names:
        return
    workers = min(len(names), os.cpu_count() or 1)
    others = set(active_children())
    with _one_thread(), ProcessPoolExecutor(workers, get_context("spawn"), _begin) as pool:
        waiting = {pool.submit(recorded, name, notebooks): name for name in names}
        try:
            yield from _done(waiting)
        except (KeyboardInterrupt, GeneratorExit):  # nobody waits for what has begun
            for future in waiting:
                future.cancel()
            for process in set(active_children()) - others:
                process.terminate()
            raise


def _done(waiting: dict[Future[bytes], str]) -> Iterator[tuple[str, bytes]]:
    """Each that is done, and once one has failed those that cannot be called off any more."""
    failed: dict[str, BaseException] = {}
    left = set(waiting)
    while left:
        done, left = wait(left, return_when=FIRST_COMPLETED)
        for future in done:
            error = future.exception()
            if error is None:
                yield waiting[future], future.result()
            else:
                failed[waiting[future]] = error
        if failed:
            left = {future for future in left if not future.cancel()}
    for name, error in failed.items():
        if isinstance(error, BrokenExecutor):
            raise ValueError(
                f"a process was ended while it recorded, perhaps for want of memory; "
                f"{', '.join(sorted(failed))} are not recorded, those done before are kept"
            ) from error
        raise ValueError(f"{name} cannot be recorded: {error!r}; others are kept") from error


def _begin() -> None:
    """What a process does first. Ctrl-C is for the one that started it, which ends it then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _turn(name: str) -> tuple[int, str]:
    return LONGEST.index(name) if name in LONGEST else len(LONGEST), name


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that are started meanwhile compute with one thread."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
