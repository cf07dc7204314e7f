import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cca_jax.entropy_coding import escapes, tables
from cca_jax.entropy_coding.errors import CorruptError

INT32 = np.iinfo(np.int32)
MIXED = tables.tables_from_pmfs([np.array([0.25, 0.5, 0.2]), np.zeros(0)], [-1, 5])


class Recorder:
    """A range coder that only remembers."""

    def __init__(self):
        self.intervals, self.rows = [], []

    def put(self, intervals, rows):
        assert intervals.dtype == rows.dtype == np.int32
        self.intervals += intervals.tolist()
        self.rows += rows.tolist()

    def get(self, rows):
        taken, self.intervals = self.intervals[: len(rows)], self.intervals[len(rows) :]
        assert self.rows[: len(rows)] == rows.tolist()
        self.rows = self.rows[len(rows) :]
        return np.array(taken, np.int32)


@given(st.lists(st.tuples(st.integers(-4, 4) | st.integers(INT32.min, INT32.max), st.integers(0, 1)), max_size=20))
def test_round_trip_stays_within_the_tables(message):
    symbols, indexes = np.array(message, np.int32).reshape(-1, 2).T
    recorder = Recorder()
    escapes.encode(symbols, indexes, MIXED, recorder.put)
    sizes = escapes.extend(MIXED).sizes
    assert all(0 <= interval < sizes[row] for interval, row in zip(recorder.intervals, recorder.rows, strict=True))
    np.testing.assert_array_equal(escapes.decode(indexes, MIXED, recorder.get), symbols)
    assert not recorder.intervals


def test_the_suffix_of_known_values():
    # Table 0 lists -1, 0, 1 (escape: interval 3). 2 is d = 0 above, v = 1; -2 is d = 0 below, v = 2; 4 is d = 2, v = 5.
    recorder = Recorder()
    escapes.encode(np.array([0, 2, -2, 4]), np.zeros(4, np.int32), MIXED, recorder.put)
    assert recorder.intervals == [1, 3, 3, 3, 0, 1, 2, 0, 0, 1]
    #                             symbols     widths   plane 1 of v = 5; plane 0 of v = 2 and 5
    assert recorder.rows == [0, 0, 0, 0, 2, 2, 2, 3, 3, 3]


def test_symbols_beyond_32_bits_are_corrupt():
    recorder = Recorder()
    escapes.encode(
        np.array([INT32.max]), np.zeros(1, np.int32), tables.tables_from_pmfs([[]], [-(2**31)]), recorder.put
    )
    with pytest.raises(CorruptError, match="beyond 32 bits"):
        escapes.decode(np.zeros(1, np.int32), tables.tables_from_pmfs([[]], [2**30]), recorder.get)


def test_suffix_tables_are_valid_and_halve():
    extended = escapes.extend(MIXED)
    assert extended.count == MIXED.count + 2
    widths = np.diff(extended.row(MIXED.count))
    assert len(widths) == 33
    assert widths[:8].tolist() == [32752, 16384, 8192, 4096, 2048, 1024, 512, 256]
    assert np.diff(extended.row(MIXED.count + 1)).tolist() == [32768, 32768]
