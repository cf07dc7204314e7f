"""Symbols outside their table, said in the language of the range coder.

A symbol that its table does not list is coded as the table's escape. After all N symbols follow the escaped values, in
coding order: with d = 0, 1, … the distance from the table and the side in the lowest bit, v = 2·d + side + 1 is sent
as its number of further bits b = floor(log2 v) (one symbol each, a table that halves its counts), then those bits, the
highest plane of all values first. That takes the 2b + 1 bits of the Elias gamma code of v, fewer where b > 15 (within
a thousandth of a bit), and reaches every int32.

TensorFlow's coder has an Elias gamma escape of its own. It is not used: on crafted data it looks for a 1 bit without
end (seen with tensorflow-compression-ops 2.17.0), while here the work is O(N). And both coders share one rule.
"""

from collections.abc import Callable

import numpy as np

from cca_jax.entropy_coding.errors import CorruptError
from cca_jax.entropy_coding.tables import TOTAL, CodingTables

Put = Callable[[np.ndarray, np.ndarray], None]  # (intervals int32 [n], rows int32 [n]) -> appended to the stream
Get = Callable[[np.ndarray], np.ndarray]  # rows int32 [n] -> intervals int32 [n], the next of the stream

_INT32 = np.iinfo(np.int32)
_NUM_WIDTHS = 33  # v < 2**33, for the distance between two int32
_width_counts = np.maximum(TOTAL >> np.arange(1, _NUM_WIDTHS + 1), 1)
_width_counts[0] += TOTAL - _width_counts.sum()
_SUFFIX_ROWS = np.concatenate([[0], np.cumsum(_width_counts), [0, TOTAL // 2, TOTAL]]).astype(np.int32)
_SUFFIX_SIZES = (_NUM_WIDTHS + 1, 3)


def extend(tables: CodingTables) -> CodingTables:
    """The T tables and two more: row T for the widths of escaped values, row T + 1 for single bits."""
    ends = tables.starts[-1] + np.cumsum(_SUFFIX_SIZES)
    return CodingTables(
        np.concatenate([tables.cdf, _SUFFIX_ROWS]),
        np.concatenate([tables.starts, ends]).astype(np.int32),
        np.concatenate([tables.minimum, np.zeros(2, np.int32)]),
    )


def encode(symbols: np.ndarray, indexes: np.ndarray, tables: CodingTables, put: Put) -> None:
    """Puts N symbols, then the suffixes of those that escaped; rows are those of `extend(tables)`.

    Args:
        symbols: int32 [N].
        indexes: int32 [N], the table of each.
        tables: T tables.
        put: appends intervals to the stream.
    """
    escape = tables.sizes[indexes] - 1
    offsets = symbols.astype(np.int64) - tables.minimum[indexes]
    outside = (offsets < 0) | (offsets >= escape)
    put(np.where(outside, escape, offsets).astype(np.int32), indexes)
    if not outside.any():
        return
    offsets, escape = offsets[outside], escape[outside]
    values = np.where(offsets < 0, -2 * offsets, 2 * (offsets - escape) + 1)
    widths = np.frexp(values.astype(np.float64))[1] - 1  # exact: the values have at most 33 bits
    put(widths.astype(np.int32), np.full(len(widths), tables.count, np.int32))
    for plane in range(int(widths.max()) - 1, -1, -1):
        bits = (values[widths > plane] >> plane) & 1
        put(bits.astype(np.int32), np.full(len(bits), tables.count + 1, np.int32))


def decode(indexes: np.ndarray, tables: CodingTables, get: Get) -> np.ndarray:
    """The inverse of `encode`.

    Args:
        indexes: int32 [N].
        tables: T tables.
        get: takes intervals from the stream.

    Returns:
        int32 [N].

    Raises:
        CorruptError: an escaped value lies outside int32.
    """
    escape = (tables.sizes - 1).astype(np.int32)[indexes]
    minimum = tables.minimum[indexes]
    offsets = get(indexes)
    symbols = offsets + minimum  # within 32 bits, as tables are
    outside = offsets == escape
    if outside.any():
        widths = get(np.full(int(outside.sum()), tables.count, np.int32)).astype(np.int64)
        values = np.ones(len(widths), np.int64)
        for plane in range(int(widths.max()) - 1, -1, -1):
            wide = widths > plane
            values[wide] = 2 * values[wide] + get(np.full(int(wide.sum()), tables.count + 1, np.int32))
        escaped = np.where(values % 2 == 0, -(values // 2), escape[outside] + values // 2) + minimum[outside]
        if escaped.min() < _INT32.min or escaped.max() > _INT32.max:
            raise CorruptError("the stream holds a symbol beyond 32 bits")
        symbols[outside] = escaped
    return symbols
