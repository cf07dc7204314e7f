"""The range code of tensorflow-compression in plain Python: for machines that its library has no build for.

The code (Martin 1979) narrows the integers [base, base + size), at first [0, 2**32). Interval [a, b) of a table leaves
[base + (size · a >> 16), base + (size · b >> 16)). Where at most 2**16 numbers are left, the upper 16 of the base's 32
bits are written (the decoder reads the next 16), and base and size are multiplied by 2**16. The stream ends with the
fewest bytes, at most two, that name a number of the interval; the decoder reads zeros past its end.

The bytes are those of the library, both ways (`tests/entropy_coding/test_range_code.py`). One symbol takes less than a
microsecond.
"""

from __future__ import annotations

import functools
from bisect import bisect_right

import numpy as np

from cca_jax.entropy_coding.tables import PRECISION, CodingTables

_WORD_BITS = 16
_SMALL = 1 << _WORD_BITS
_WHOLE = 1 << 2 * _WORD_BITS
_MASK = _WHOLE - 1


class RangeDecoder:
    """Takes intervals from the front of a stream."""

    def __init__(self, data: bytes, tables: CodingTables) -> None:
        """Any bytes decode to something.

        Args:
            data: the stream.
            tables: those of the intervals, without escapes of their own.
        """
        self._words = np.frombuffer(data + bytes(len(data) % 2), ">u2").tolist()
        self._rows = _rows(tables)
        self._size = _WHOLE
        self._words_read = 2
        self._offset = self._value()  # the distance of what is read from the base

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The next intervals, int32 [n], one of each of the tables `rows`, int32 [n]."""
        words, words_read, tables = self._words, self._words_read, self._rows
        size, offset = self._size, self._offset
        intervals: list[int] = []
        append = intervals.append
        for row in rows.tolist():
            cdf = tables[row]
            # The greatest count whose share of the size is at most the offset.
            end = bisect_right(cdf, ((offset + 1 << PRECISION) - 1) // size)
            low = size * cdf[end - 1] >> PRECISION
            size = (size * cdf[end] >> PRECISION) - low
            offset -= low
            append(end - 1)
            if size <= _SMALL:
                size <<= _WORD_BITS
                offset = offset << _WORD_BITS | (words[words_read] if words_read < len(words) else 0)
                words_read += 1
        self._size, self._offset, self._words_read = size, offset, words_read
        return np.array(intervals, np.int32)

    def is_complete(self) -> bool:
        """Whether an encoder that has written what was read would have ended the stream here, and so."""
        if self._words_read < len(self._words):
            return False
        value = self._value()
        base = (value - self._offset) & _MASK
        return value == _end(base, self._size) & _MASK

    def _value(self) -> int:
        """The last 32 bits that were read."""
        first, second = (
            self._words[k] if k < len(self._words) else 0 for k in (self._words_read - 2, self._words_read - 1)
        )
        return first << _WORD_BITS | second


class RangeEncoder:
    """Appends intervals to a stream."""

    def __init__(self, tables: CodingTables) -> None:
        """Takes the tables of the intervals."""
        self._tables = tables
        self._base, self._size = 0, _WHOLE
        self._written = bytearray()

    def write(self, intervals: np.ndarray, rows: np.ndarray) -> None:
        """Appends intervals, int32 [n], each of which its table in `rows`, int32 [n], has."""
        at = self._tables.starts[rows] + intervals
        base, size = self._base, self._size
        for low, high in zip(self._tables.cdf[at].tolist(), self._tables.cdf[at + 1].tolist(), strict=True):
            start = size * low >> PRECISION
            size = (size * high >> PRECISION) - start
            base += start
            if base >= _WHOLE:
                self._carry()
                base &= _MASK
            if size <= _SMALL:
                self._written += (base >> _WORD_BITS).to_bytes(2, "big")
                base = base << _WORD_BITS & _MASK
                size <<= _WORD_BITS
        self._base, self._size = base, size

    def finish(self) -> bytes:
        """The stream."""
        end = _end(self._base, self._size)
        if end == _WHOLE:
            self._carry()
            return bytes(self._written.rstrip(b"\0"))
        return bytes(self._written) + end.to_bytes(4, "big").rstrip(b"\0")

    def _carry(self) -> None:
        """Adds 1 to what is written, as one number."""
        position = len(self._written) - 1
        while self._written[position] == 0xFF:
            self._written[position] = 0
            position -= 1
        self._written[position] += 1


def _end(base: int, size: int) -> int:
    """The number of [base, base + size) that a stream ends with: 2**32, 0, or one of the fewest leading bytes."""
    if base + size > _WHOLE:
        return _WHOLE
    for bits in (24, 16):
        end = -(-base >> bits) << bits
        if end < base + size:
            return end
    raise AssertionError("an interval of the range code has at least 2**16 numbers")


@functools.lru_cache(maxsize=4)  # a model's: every stream needs them
def _rows(tables: CodingTables) -> list[list[int]]:
    return [row.tolist() for row in np.split(tables.cdf, tables.starts[1:-1])]
