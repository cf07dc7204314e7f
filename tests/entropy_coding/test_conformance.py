"""Bytes of files already written. A test that fails here means that old files no longer decode."""

import zlib

import numpy as np
import pytest

from cca_jax.entropy_coding import coders
from cca_jax.entropy_coding.tables import TOTAL, CodingTables

GOLDEN_SYMBOLS = np.array([0, -1, 1, 1000, 5, -7, 999, 0, 2**24, -1, 0, -(2**31), 1000, -(2**24), 1, 0])
GOLDEN_INDEXES = np.array([0, 0, 0, 1, 2, 2, 3, 3, 0, 0, 0, 3, 1, 1, 0, 0])
GOLDEN = {
    "tensorflow": "5e3dfae6c101f8380a5affe6ff50e36db6db6dafb6eb2247",
    "constriction": "5e22c8ca5d50fa09168e9556e789cf9de492491d64a211cf",
}
GOLDEN_LONG = {"tensorflow": (17791, 3423663630), "constriction": (17792, 2593480065)}  # length, CRC-32


@pytest.fixture(params=["tensorflow", "constriction"])
def coder(request):
    return coders.get_coder(request.param)


def golden_tables() -> CodingTables:
    """Integers only, so that no floating-point change can move them."""
    rows = [
        [0, 16384, 49152, 62259, TOTAL],
        [0, 65471, TOTAL],
        [0, TOTAL],
        [*(32 * k for k in range(2001)), TOTAL],
    ]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return CodingTables(
        np.concatenate(rows).astype(np.int32), starts.astype(np.int32), np.array([-1, 1000, 5, -1000], np.int32)
    )


def golden_long() -> tuple[np.ndarray, np.ndarray]:
    """20 000 symbols of all four tables from a congruential generator, with some escapes."""
    state = 1
    draws = np.empty(40_000, np.int64)
    for k in range(len(draws)):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        draws[k] = state >> 40
    indexes = draws[::2] % 4
    low, span = np.array([-1, 1000, 5, -1000]), np.array([3, 1, 300, 2020])
    return low[indexes] + draws[1::2] % span[indexes], indexes


def test_golden_bytes(coder):
    tables = golden_tables()
    data = bytes.fromhex(GOLDEN[coder.name])
    np.testing.assert_array_equal(coder.decode(data, GOLDEN_INDEXES, tables), GOLDEN_SYMBOLS)
    assert coder.encode(GOLDEN_SYMBOLS, GOLDEN_INDEXES, tables) == data
    symbols, indexes = golden_long()
    data = coder.encode(symbols, indexes, tables)
    assert (len(data), zlib.crc32(data)) == GOLDEN_LONG[coder.name]
