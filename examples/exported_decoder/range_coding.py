"""Streams to symbols, by either range code of docs/file/format.md."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Mapping

import numpy as np

from examples.exported_decoder.container import CONSTRICTION, TENSORFLOW

_PRECISION = 16
_TOTAL = 1 << _PRECISION
_WIDTHS = 33

Get = Callable[[np.ndarray], np.ndarray]
"""Tables to the next interval of each, int32 [n]."""


class Tables:
    """Cumulative counts of T distributions; the last interval of each is the escape.

    Attributes:
        rows: each from 0 to 2**16; after the T come those of the escapes' widths and of single bits.
        minimum: the symbol of the first interval of each, int64 [T].
        escape: the number of the last interval of each, int64 [T].
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], kind: str) -> None:
        """Takes the arrays of an exported model's tables, "hyper" or "latent"."""
        cdf, starts = arrays[f"{kind}/cdf"], arrays[f"{kind}/starts"]
        self.rows = [cdf[first:last] for first, last in itertools.pairwise(starts)]
        self.minimum = arrays[f"{kind}/minimum"].astype(np.int64)
        self.escape = np.array([len(row) - 2 for row in self.rows])
        counts = np.maximum(_TOTAL >> np.arange(1, _WIDTHS + 1), 1)
        counts[0] += _TOTAL - counts.sum()
        self.rows += [np.concatenate([[0], np.cumsum(counts)]), np.array([0, _TOTAL // 2, _TOTAL])]


def decode(data: bytes, coder: int, indexes: np.ndarray, tables: Tables) -> np.ndarray:
    """The symbols of a stream, int32 [N]; `indexes` are their tables.

    Raises:
        ValueError: another coder, or a stream that cannot be read.
        ImportError: constriction is not installed, and the stream is its.
    """
    if not len(indexes):
        return np.zeros(0, np.int32)
    if coder not in (TENSORFLOW, CONSTRICTION):
        raise ValueError(f"this program does not know range coder {coder}")
    get = (_tensorflow if coder == TENSORFLOW else _constriction)(data, tables)
    intervals = get(indexes).astype(np.int64)
    symbols, escape = intervals + tables.minimum[indexes], tables.escape[indexes]
    escaped = intervals == escape
    if escaped.any():
        values = _escaped_values(get, int(escaped.sum()), len(tables.minimum))
        beyond = np.where(values % 2 == 0, -(values // 2), escape[escaped] + values // 2)
        symbols[escaped] = beyond + tables.minimum[indexes][escaped]
    return symbols.astype(np.int32)


def _escaped_values(get: Get, count: int, widths_table: int) -> np.ndarray:
    """How many bits each value has below its first, then these, the highest plane of all values first."""
    widths = get(np.full(count, widths_table))
    values = np.ones(count, np.int64)
    for plane in range(int(widths.max()) - 1, -1, -1):
        wide = widths > plane
        values[wide] = 2 * values[wide] + get(np.full(int(wide.sum()), widths_table + 1))
    return values


def _tensorflow(data: bytes, tables: Tables) -> Get:
    """The code narrows [base, base + size); `offset` is how far what was read lies above the base."""
    words = np.frombuffer(data + bytes(len(data) % 2), ">u2").tolist()
    rows = [row.tolist() for row in tables.rows]
    state = {"size": 1 << 32, "offset": 0, "read": 0}

    def word() -> int:
        state["read"] += 1
        return words[state["read"] - 1] if state["read"] <= len(words) else 0

    state["offset"] = word() << 16 | word()

    def get(wanted: np.ndarray) -> np.ndarray:
        intervals = np.zeros(len(wanted), np.int32)
        size, offset = state["size"], state["offset"]
        for number, table in enumerate(wanted.tolist()):
            row = rows[table]
            end = bisect.bisect_right(row, ((offset + 1 << _PRECISION) - 1) // size)
            low = size * row[end - 1] >> _PRECISION
            size, offset = (size * row[end] >> _PRECISION) - low, offset - low
            if size <= _TOTAL:
                size, offset = size << 16, offset << 16 | word()
            intervals[number] = end - 1
        state["size"], state["offset"] = size, offset
        return intervals

    return get


def _constriction(data: bytes, tables: Tables) -> Get:
    """The library takes symbols table by table, in rising order of the tables."""
    import constriction

    padded = data + bytes(-len(data) % 4)
    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(padded, ">u4").astype(np.uint32))

    def get(wanted: np.ndarray) -> np.ndarray:
        intervals = np.zeros(len(wanted), np.int32)
        for table in np.unique(wanted):
            counts = np.diff(tables.rows[table])
            if len(counts) > 1:
                model = constriction.stream.model.Categorical(counts / _TOTAL, perfect=False)
                members = np.flatnonzero(wanted == table)
                intervals[members] = decoder.decode(model, len(members))
        return intervals

    return get
