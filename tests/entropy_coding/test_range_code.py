"""The range code in Python beside the library's: the same bytes, and the same of any bytes."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cca_jax.entropy_coding import coders, escapes, tables
from cca_jax.entropy_coding.errors import CorruptError
from cca_jax.entropy_coding.tables import TOTAL, CodingTables
from cca_jax.entropy_coding.tensorflow import coder as tensorflow_coder
from cca_jax.entropy_coding.tensorflow.range_code import RangeDecoder, RangeEncoder

INT32 = np.iinfo(np.int32)
needs_library = pytest.mark.skipif(not coders.is_available("tensorflow"), reason="the extra [tensorflow] is missing")


@pytest.fixture
def without_library(monkeypatch):
    monkeypatch.setattr(tensorflow_coder, "is_installed", lambda: False)
    tensorflow_coder._say_once.cache_clear()


def in_python(symbols, indexes, some):
    encoder = RangeEncoder(escapes.extend(some))
    escapes.encode(symbols, indexes, some, encoder.write)
    return encoder.finish()


def read_in_python(data, indexes, some):
    """The symbols and whether the stream ends with them; None for symbols that are none."""
    decoder = RangeDecoder(data, escapes.extend(some))
    try:
        return escapes.decode(indexes, some, decoder.read).tolist(), decoder.is_complete()
    except CorruptError:
        return None


def read_by_library(data, indexes, some):
    try:
        symbols, complete = tensorflow_coder._decode(tensorflow_coder._library(), data, indexes, some)
    except CorruptError:
        return None
    return symbols.tolist(), complete


@st.composite
def any_tables(draw):
    """One to five tables: certain ones, narrow and wide ones, with intervals of 1 in 65536 and of nearly all."""
    rows, minimums = [], []
    for _ in range(draw(st.integers(1, 5))):
        inner = draw(
            st.one_of(
                st.just(set()),
                st.sets(st.integers(1, TOTAL - 1), max_size=6),
                st.sets(st.sampled_from([1, 2, 3, TOTAL // 2, TOTAL - 3, TOTAL - 2, TOTAL - 1]), max_size=5),
                st.integers(2, 300).map(lambda count: set(range(1, count))),
            )
        )
        rows.append([0, *sorted(inner), TOTAL])
        minimums.append(draw(st.sampled_from([-150, -3, -1, 0, 1000, INT32.min, INT32.max - 400])))
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return CodingTables(np.concatenate(rows).astype(np.int32), starts.astype(np.int32), np.array(minimums, np.int32))


@st.composite
def messages(draw):
    """Tables, and symbols near the table that is each one's, or anywhere."""
    some = draw(any_tables())
    pairs = []
    for row, near, offset in draw(
        st.lists(
            st.tuples(st.integers(0, some.count - 1), st.booleans(), st.integers(INT32.min, INT32.max)), max_size=60
        )
    ):
        size = int(some.sizes[row])
        symbol = int(some.minimum[row]) + offset % (size + 2) - 1 if near else offset
        pairs.append((min(max(symbol, INT32.min), INT32.max), row))
    symbols, indexes = np.array(pairs, np.int32).reshape(-1, 2).T
    return some, np.ascontiguousarray(symbols), np.ascontiguousarray(indexes)


@settings(deadline=None, max_examples=150)
@given(messages())
def test_symbols_come_back(message):
    some, symbols, indexes = message
    assert read_in_python(in_python(symbols, indexes, some), indexes, some) == (symbols.tolist(), True)


@needs_library
@settings(deadline=None, max_examples=200)
@given(messages())
def test_the_bytes_are_the_librarys(message):
    some, symbols, indexes = message
    coder = coders.get_coder("tensorflow")
    if not len(symbols):
        assert in_python(symbols, indexes, some) == b""
        return
    data = in_python(symbols, indexes, some)
    assert data == coder.encode(symbols, indexes, some)
    assert read_by_library(data, indexes, some) == (symbols.tolist(), True)


@needs_library
@settings(deadline=None, max_examples=200)
@given(messages(), st.binary(max_size=40), st.integers(0, 60))
def test_other_bytes_are_read_as_the_library_reads_them(message, data, kept):
    some, symbols, indexes = message
    if len(indexes):
        changed = in_python(symbols, indexes, some)[:kept] + data
        assert read_in_python(changed, indexes, some) == read_by_library(changed, indexes, some)


@pytest.mark.slow
@needs_library
@pytest.mark.parametrize("seed", range(20))
def test_long_streams_are_the_librarys(seed):
    """Carries over many bytes, and every ending, need many streams: 20 × 500 of up to 2000 symbols."""
    rng = np.random.default_rng(seed)
    coder, some = coders.get_coder("tensorflow"), tables.laplacian_tables(tables.scale_table(), 1e-9)
    for _ in range(500):
        count = int(rng.integers(1, 2000))
        indexes = rng.integers(0, rng.integers(1, 65), count).astype(np.int32)
        symbols = np.rint(rng.laplace(size=count) * tables.scale_table()[indexes]).astype(np.int32)
        data = in_python(symbols, indexes, some)
        assert data == coder.encode(symbols, indexes, some)
        assert read_in_python(data, indexes, some) == (symbols.tolist(), True)


def test_a_carry_runs_through_what_is_written():
    """Upper halves alone end at 2**32 - 1; one interval more carries through all of them."""
    some = CodingTables(np.array([0, TOTAL - 1, TOTAL], np.int32), np.array([0, 3], np.int32), np.array([0], np.int32))
    encoder = RangeEncoder(some)
    rows = np.zeros(1, np.int32)
    encoder.write(np.array([1], np.int32), rows)  # [65535/65536, 1): 2**16 numbers below 2**32, so FFFF is written
    for _ in range(3):
        encoder.write(np.array([1], np.int32), rows)
    assert encoder.finish() == b"\xff" * 8
    assert RangeDecoder(b"\xff" * 8, some).read(np.zeros(4, np.int32)).tolist() == [1, 1, 1, 1]


@pytest.mark.usefixtures("without_library")
def test_without_the_library_the_code_is_the_same_and_said_so_once(caplog):
    coder, some = coders.get_coder("tensorflow"), tables.gaussian_tables(tables.scale_table(8))
    symbols, indexes = np.arange(80, dtype=np.int32) % 8 - 4, np.arange(80, dtype=np.int32) % 8
    with caplog.at_level(logging.WARNING, "cca_jax"):
        coder.prepare()
        data = coder.encode(symbols, indexes, some)
        np.testing.assert_array_equal(coder.decode(data, indexes, some), symbols)
        with pytest.raises(CorruptError, match="left over"):
            coder.decode(data + b"more", indexes, some)
    assert data == in_python(symbols, indexes, some)
    (record,) = caplog.records
    assert "is not installed here" in record.message
    assert "the same code in Python" in record.message
    assert "\n" not in record.message


def test_a_library_that_does_not_start_is_replaced_and_named(monkeypatch, caplog):
    def broken():
        raise ImportError("undefined symbol: _ZN10tensorflow\nand a page more")

    monkeypatch.setattr(tensorflow_coder, "is_installed", lambda: True)
    monkeypatch.setattr(tensorflow_coder, "start", broken)
    tensorflow_coder._say_once.cache_clear()
    coder, zero = tensorflow_coder.TensorFlowCoder(), np.zeros(1, np.int32)
    some = tables.gaussian_tables(tables.scale_table(8))
    with caplog.at_level(logging.WARNING, "cca_jax"):
        assert coder.decode(coder.encode(zero, zero, some), zero, some).tolist() == [0]
    (record,) = caplog.records
    assert "does not start (undefined symbol: _ZN10tensorflow): the same code" in record.message
