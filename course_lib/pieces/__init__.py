"""Long computations in independent pieces: here one after another, or on Dask's workers.

A piece has a key, and its result a file until it has been used; so nothing that was finished is
computed twice, whoever was stopped in between. Results come in the order of the pieces, whatever
order they were finished in: what is made of them is the same for any number of workers.

    >>> import tempfile
    >>> from course_lib.pieces import Piece, in_order
    >>> squares = [Piece(f"{n}²", {"square of": n}, pow, (n, 2)) for n in (3, 1, 2)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     list(in_order(squares, folder, progress_bar=False))
    [9, 1, 4]
"""

from course_lib.pieces.order import (
    HERE,
    Here,
    KeptResults,
    Piece,
    Workplace,
    in_batches,
    in_order,
    say,
)
from course_lib.pieces.workers import DaskPlace, add_options, place_of

__all__ = [
    "HERE",
    "DaskPlace",
    "Here",
    "KeptResults",
    "Piece",
    "Workplace",
    "add_options",
    "in_batches",
    "in_order",
    "place_of",
    "say",
]
