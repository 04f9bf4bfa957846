"""Whole numbers as few bytes: small ones take one, whatever their sign."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]


def encode(values: ArrayLike) -> bytes:
    """Signed 32-bit numbers as bytes: 0, −1, 1, −2, … become 0, 1, 2, 3, …, seven bits a byte.

    The lowest seven bits come first, and each byte but a number's last has its highest bit set.
    """
    signed = np.asarray(values, dtype=np.int64).reshape(-1)
    if len(signed) and (signed.min() < -(2**31) or signed.max() >= 2**31):
        raise ValueError(f"numbers must fit 32 bits, got {signed.min()} to {signed.max()}")
    left = (signed << 1) ^ (signed >> 63)
    sevens = np.stack([(left >> shift) & 0x7F for shift in range(0, 35, 7)], -1)  # (N, 5)
    length: Ints = 1 + (left[:, None] >> np.arange(7, 35, 7) > 0).sum(-1)
    column = np.arange(5)
    sevens[column < length[:, None] - 1] |= 0x80
    return sevens.astype(np.uint8)[column < length[:, None]].tobytes()


def decode(data: bytes) -> Ints:
    """The numbers of `encode`. Raises ValueError if the last one is cut off."""
    stored = np.frombuffer(data, dtype=np.uint8).astype(np.int64)
    if not len(stored):
        return stored
    if stored[-1] & 0x80:
        raise ValueError("numbers are cut off")
    first = np.flatnonzero(np.append(True, stored[:-1] < 0x80))
    length = np.diff(np.append(first, len(stored)))
    shift = 7 * (np.arange(len(stored)) - np.repeat(first, length))
    found = np.add.reduceat((stored & 0x7F) << shift, first)
    return (found >> 1) ^ -(found & 1)


def differences(values: ArrayLike) -> Ints:
    """The first number, then each one's difference from the one before."""
    numbers = np.asarray(values, dtype=np.int64)
    return numbers - np.append(0, numbers[:-1]) if len(numbers) else numbers


class Writer:
    """A row of numbers that grows."""

    def __init__(self) -> None:
        self._parts: list[Ints] = []

    def put(self, *values: int) -> None:
        """Adds single numbers."""
        self._parts.append(np.array(values, dtype=np.int64))

    def column(self, values: Sequence[int] | ArrayLike) -> None:
        """Adds a row's numbers as differences; its length is the reader's to know."""
        self._parts.append(differences(values))

    def curves(self, rows: Iterable[ArrayLike]) -> None:
        """Adds how many rows there are, their lengths, and the differences of their differences."""
        each = [np.asarray(row, dtype=np.int64).reshape(-1) for row in rows]
        self.put(len(each), *(len(row) for row in each))
        for row in each:
            self.column(differences(row))

    def packed(self) -> bytes:
        """All of it."""
        return encode(np.concatenate(self._parts)) if self._parts else b""


class Reader:
    """Reads what a Writer wrote, from the first number on."""

    def __init__(self, data: bytes) -> None:
        self._values, self._at = decode(data), 0

    def take(self, count: int) -> Ints:
        """The next `count` numbers. Raises ValueError if there are fewer."""
        end = self._at + count
        if count < 0 or end > len(self._values):
            raise ValueError(f"{count} numbers are wanted, {len(self._values) - self._at} left")
        self._at, found = end, self._values[self._at : end]
        return found

    def one(self) -> int:
        """The next number."""
        return int(self.take(1)[0])

    def column(self, count: int) -> Ints:
        """The next `count` numbers of a column."""
        return np.cumsum(self.take(count))

    def curves(self) -> list[Ints]:
        """The rows that `Writer.curves` wrote."""
        lengths = self.take(self.one())
        return [np.cumsum(self.column(int(length))) for length in lengths]
