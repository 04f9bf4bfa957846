"""Dask's workers: --workers N starts some on this machine, --scheduler ADDRESS asks a cluster's.

Dask is an extra, `cluster`, and is imported only where one of the two is asked for. A piece travels
as the name of its function and plain arguments, its result as JSON. A worker runs one piece at a
time on one thread, and only if its course and torch are those of the process that asks.
"""

import argparse
import asyncio
import functools
import hashlib
import json
import logging
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from course_lib.arguments import require_count
from course_lib.pieces.order import HERE, ComputePlace, Piece

if TYPE_CHECKING:
    from distributed import Client, Future

WAIT = 10.0  # seconds for a scheduler to answer, and again for a first worker
LOOPBACK = "127.0.0.1"
# How Dask says that there is none: nobody answers; no address; no keys for TLS; and of a server of
# another kind it takes the first words for the length of a message.
NO_SCHEDULER = (OSError, ValueError, TypeError, MemoryError)
MISSING = (
    "--workers and --scheduler need Dask, which is not installed; in the course's folder: "
    "python -m pip install --editable '.[cluster]' --constraint constraints.txt"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds --workers and --scheduler, which `place_of` reads."""
    parser.add_argument("--workers", type=int, metavar="N", help="on N processes of this machine")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="on the workers of a Dask scheduler")


@contextmanager
def place_of(options: argparse.Namespace) -> Iterator[ComputePlace]:
    """Where the options say that pieces are computed: here, if they say nothing.

    Raises ValueError if both are given, N is not from 1 to the number of processors, or Dask is not
    installed; ConnectionError if after WAIT seconds no scheduler answers there, or none with a
    worker.
    """
    workers, scheduler = options.workers, options.scheduler
    if workers is None and scheduler is None:
        yield HERE
        return
    if scheduler is None:
        most = os.cpu_count() or 1
        workers = require_count("--workers", workers)
        if workers > most:
            raise ValueError(f"--workers must be at most {most}, one a processor, got {workers}")
    elif workers is not None:
        raise ValueError("give --workers or --scheduler, not both")
    _require_dask()
    with _started(workers) if scheduler is None else _found(scheduler) as client:
        said = f"workers: {len(client.nthreads())}; Dask's dashboard: {client.dashboard_link}"
        print(said, file=sys.stderr, flush=True)
        yield DaskPlace(client)


class DaskPlace:
    """The workers of a Dask client."""

    def __init__(self, client: "Client") -> None:
        self.client = client

    def finished(self, pieces: Iterable[Piece]) -> Iterator[tuple[Piece, Any]]:
        """Each piece with its result, as they are finished.

        What a worker had begun when it was killed, another begins again. Raises what a piece
        raises; ValueError if the workers cannot run it as this process would; ChildProcessError if
        it ended one worker after another; ConnectionError if the scheduler is gone.
        """
        from distributed import as_completed

        waiting = iter(pieces)
        running: dict[Future[Any], Piece] = {}
        futures = as_completed(loop=self.client.loop)

        def send() -> None:
            """Two pieces a worker: the one that it computes, and the next."""
            room = max(2, 2 * len(self.client.nthreads())) - len(running)
            for piece in islice(waiting, max(0, room)):
                future = self._sent(piece)
                running[future] = piece
                futures.add(future)

        send()
        for future in futures:
            piece = running.pop(future)
            result = _result(future, piece)
            send()
            yield piece, result

    def _sent(self, piece: Piece) -> "Future[Any]":
        call = pickle.dumps(_Call(piece))
        return self.client.submit(pickle.loads, call, key=piece.label, pure=False)


class _Call:
    """Pickled, a call of `computed` that is made where it is unpickled.

    So only the piece itself fails where the course is not installed: a function of the course in
    its place could not even be received, and the worker would say nothing.
    """

    def __init__(self, piece: Piece) -> None:
        self.piece = piece

    def __reduce__(self) -> tuple[Callable[..., str], tuple[Any, ...]]:
        return computed, (self.piece.work, self.piece.arguments, edition())


def computed(work: Callable[..., Any], arguments: tuple[Any, ...], wanted: dict[str, str]) -> str:
    """What a worker does with a piece: its result as JSON. Raises ValueError if it must not."""
    from distributed import get_worker

    worker = get_worker()
    if edition() != wanted:
        raise ValueError(
            f"the worker at {worker.address} has {edition()}, and {wanted} is asked for: results "
            "may differ; install the same course and torch there"
        )
    if worker.state.nthreads != 1:
        raise ValueError(
            f"the worker at {worker.address} runs {worker.state.nthreads} pieces at once; start it "
            "with --nthreads 1"
        )
    torch.set_num_threads(1)
    return json.dumps(work(*arguments))


@functools.cache
def edition() -> dict[str, str]:
    """What results depend on besides their pieces: torch's version, the SHA-256 of the course."""
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return {"course": digest.hexdigest()[:16], "torch": torch.__version__.partition("+")[0]}


def _result(future: "Future[Any]", piece: Piece) -> Any:
    """What came of it. Raises as `finished` does."""
    from distributed import KilledWorker

    if future.status == "finished":
        return json.loads(future.result())
    if future.status != "error":
        raise ConnectionError(
            f"the scheduler went away while it had {piece.name}; what is finished is kept, and the "
            "same command goes on from there"
        )
    error = future.exception()
    if isinstance(error, KilledWorker):
        raise ChildProcessError(
            f"{piece.name} ended one worker after another: have they memory enough? ({error})"
        ) from error
    if isinstance(error, ImportError):
        raise ValueError(
            f"a worker cannot import what {piece.name} needs ({error}); the course must be "
            "installed wherever one runs"
        ) from error
    raise error


def _require_dask() -> None:
    """Raises ValueError that says what to install."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise ValueError(MISSING) from None


@contextmanager
def _started(count: int) -> Iterator["Client"]:
    """A client of `count` new processes on this machine, which end with it."""
    from distributed import Client, LocalCluster

    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=0,  # results are small: whatever a piece needs, it shall have
            host=LOOPBACK,
            dashboard_address=f"{LOOPBACK}:0",
            security=True,  # another user of the machine cannot send it work
            local_directory=folder,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def _found(address: str) -> Iterator["Client"]:
    """A client of the scheduler there. Raises ConnectionError as `place_of` does."""
    from distributed import Client

    # What it logs when a scheduler goes away is pages long, and said here in a line.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        # Client itself waits without end for one that takes the connection and says nothing.
        asyncio.run(asyncio.wait_for(_answer(address), WAIT))
        client = Client(address, timeout=WAIT, set_as_default=False)
    except NO_SCHEDULER as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {address!r} ({str(error) or 'it says nothing'}); "
            "`dask scheduler` starts one and prints its address"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError as error:
            raise ConnectionError(
                f"the scheduler at {address} has no worker; start some, one for each processor: "
                f"dask worker {address} --nthreads 1"
            ) from error
        yield client


async def _answer(address: str) -> None:
    """Returns once a scheduler there has shaken hands. Raises one of NO_SCHEDULER."""
    from distributed.comm.core import connect
    from distributed.security import Security

    comm = await connect(address, timeout=WAIT, **Security().get_connection_args("client"))
    await comm.close()
