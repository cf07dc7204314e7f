"""What both range coders ask of their arguments, and how they treat a stream of no symbols."""

import numpy as np

from cca_jax.entropy_coding.errors import CorruptError
from cca_jax.entropy_coding.tables import CodingTables

_INT32 = np.iinfo(np.int32)


def check_indexes(indexes: np.ndarray, tables: CodingTables) -> np.ndarray:
    """`indexes` as int32 [N]; ValueError where one names no table."""
    indexes = _as_int32("indexes", indexes)
    if indexes.size and not 0 <= indexes.min() <= indexes.max() < tables.count:
        raise ValueError(f"indexes must be 0 … {tables.count - 1}, got {indexes.min()} … {indexes.max()}")
    return indexes


def check_message(symbols: np.ndarray, indexes: np.ndarray, tables: CodingTables) -> tuple[np.ndarray, np.ndarray]:
    """Both as int32 [N]; ValueError where that would change them, their lengths differ, or an index names no table."""
    symbols, indexes = _as_int32("symbols", symbols), check_indexes(indexes, tables)
    if len(symbols) != len(indexes):
        raise ValueError(f"{len(symbols)} symbols do not go with {len(indexes)} indexes")
    return symbols, indexes


def decode_nothing(data: bytes) -> np.ndarray:
    """The symbols, int32 [0], of a stream that has none; CorruptError unless it has no bytes either."""
    if data:
        raise CorruptError(f"a stream of no symbols has {len(data)} bytes")
    return np.zeros(0, np.int32)


def _as_int32(name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers [N], got {values.dtype} {list(values.shape)}")
    if values.size and (values.min() < _INT32.min or values.max() > _INT32.max):
        raise ValueError(f"{name} must fit 32 bits, got {values.min()} … {values.max()}")
    return np.ascontiguousarray(values, np.int32)
