import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cca_jax.entropy_coding import coders, tables
from cca_jax.entropy_coding.errors import CoderUnavailableError, CorruptError
from cca_jax.entropy_coding.tables import TOTAL, CodingTables

HAS_TENSORFLOW = coders.is_available("tensorflow")
INT32 = np.iinfo(np.int32)

# A short one, a lopsided one with a far minimum, one that is only the escape, and a wide one.
MIXED = tables.tables_from_pmfs(
    [np.array([0.25, 0.5, 0.2]), np.array([0.999]), np.zeros(0), np.full(2000, 1 / 2001)], [-1, 1000, 5, -1000]
)
GAUSSIAN = tables.gaussian_tables(tables.scale_table())


@pytest.fixture(params=["tensorflow", "constriction"])
def coder(request):
    return coders.get_coder(request.param)


def information_bytes(symbols, indexes, some: CodingTables) -> float:
    """What the tables say that listed symbols take."""
    at = some.starts[indexes] + symbols - some.minimum[indexes]
    return float(-np.log2((some.cdf[at + 1] - some.cdf[at]) / TOTAL).sum() / 8)


def listed_gaussian(count: int, seed: int):
    """Symbols as the Gaussian tables expect them, none of them escaped."""
    rng = np.random.default_rng(seed)
    indexes = rng.integers(0, GAUSSIAN.count, count).astype(np.int32)
    symbols = np.rint(rng.normal(size=count) * tables.scale_table()[indexes]).astype(np.int32)
    return np.clip(symbols, GAUSSIAN.minimum[indexes], -GAUSSIAN.minimum[indexes]), indexes


def round_trip(coder, symbols, indexes, some):
    data = coder.encode(symbols, indexes, some)
    assert type(data) is bytes
    decoded = coder.decode(data, indexes, some)
    assert decoded.dtype == np.int32
    np.testing.assert_array_equal(decoded, symbols)
    return data


messages = st.lists(
    st.tuples(
        st.one_of(st.integers(-3, 3), st.integers(995, 1005), st.integers(INT32.min, INT32.max)), st.integers(0, 3)
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=80)
@given(message=messages)
@pytest.mark.parametrize("name", ["tensorflow", "constriction"])
def test_any_symbols_round_trip(name, message):
    symbols, indexes = np.array(message, np.int32).reshape(-1, 2).T
    round_trip(coders.get_coder(name), symbols, indexes, MIXED)


@pytest.mark.parametrize("table", range(4))
def test_escapes_reach_every_int32(coder, table):
    powers = 2 ** np.arange(31, dtype=np.int64)
    edge = int(MIXED.minimum[table]) + int(MIXED.sizes[table]) - 1
    near = np.concatenate([np.arange(-3, 4) + edge, np.arange(-3, 4) + MIXED.minimum[table]])
    symbols = np.concatenate([powers, -powers, near, [INT32.min, INT32.max, 0]]).astype(np.int32)
    round_trip(coder, symbols, np.full(len(symbols), table, np.int32), MIXED)


def test_no_symbols_take_no_bytes(coder):
    nothing = np.zeros(0, np.int32)
    assert round_trip(coder, nothing, nothing, MIXED) == b""
    with pytest.raises(CorruptError, match="no symbols"):
        coder.decode(b"\0", nothing, MIXED)


def test_size_is_that_of_the_tables(coder):
    symbols, indexes = listed_gaussian(200_000, seed=0)
    size = len(round_trip(coder, symbols, indexes, GAUSSIAN))
    least = information_bytes(symbols, indexes, GAUSSIAN)
    assert least - 1 <= size <= least * 1.001 + 16


def test_short_streams_end_within_bytes(coder):
    for seed in range(60):
        symbols, indexes = listed_gaussian(1 + seed, seed)
        size = len(round_trip(coder, symbols, indexes, GAUSSIAN))
        assert size <= information_bytes(symbols, indexes, GAUSSIAN) + 5


def test_an_escaped_symbol_takes_what_elias_gamma_takes(coder):
    # v = 2·d + 1 has floor(log2 v) further bits, and the escape itself is certain here.
    distance = 12345
    count = 1000
    size = len(coder.encode(np.full(count, 5 + distance), np.full(count, 2), MIXED))
    width = (2 * distance + 1).bit_length() - 1
    assert size <= count * (2 * width + 1) / 8 + 4


def test_certain_symbols_take_almost_no_bytes(coder):
    indexes = np.zeros(100_000, np.int32)
    assert len(round_trip(coder, indexes, indexes, tables.gaussian_tables(np.array([0.11])))) < 10


def test_wrong_arguments_are_refused(coder):
    good = np.zeros(3, np.int32)
    for symbols, indexes, message in [
        (good, np.full(3, 4), "indexes must be"),
        (good, np.full(3, -1), "indexes must be"),
        (good, good[:2], "do not go with"),
        (good.astype(np.float32), good, "must be integers"),
        (good[None], good, "must be integers"),
        (np.full(3, 2**31), good, "must fit 32 bits"),
        (good, good.astype(bool), "must be integers"),
    ]:
        with pytest.raises(ValueError, match=message):
            coder.encode(symbols, indexes, MIXED)
    with pytest.raises(ValueError, match="indexes must be"):
        coder.decode(b"", np.full(3, 4), MIXED)


@settings(deadline=None, max_examples=80)
@given(data=st.binary(max_size=60), seed=st.integers(0, 5))
@pytest.mark.parametrize("name", ["tensorflow", "constriction"])
def test_other_bytes_give_symbols_or_an_error(name, data, seed):
    indexes = np.random.default_rng(seed).integers(0, 4, 50).astype(np.int32)
    try:
        decoded = coders.get_coder(name).decode(data, indexes, MIXED)
    except CorruptError:
        return
    assert decoded.shape == (50,)


@pytest.mark.parametrize("filler", [b"\x00", b"\xff", b"\xaa"])
def test_a_flood_of_escapes_ends(coder, filler):
    # With its own escapes, TensorFlow's decoder does not return from such data.
    indexes = np.full(1000, 2, np.int32)
    for length in (0, 1, 3, 5000):
        try:
            decoded = coder.decode(filler * length, indexes, MIXED)
        except CorruptError:
            continue
        assert decoded.shape == (1000,)


def test_symbols_beyond_32_bits_are_corrupt(coder):
    wide = tables.tables_from_pmfs([np.zeros(0)], [INT32.min])
    high = tables.tables_from_pmfs([np.zeros(0)], [2**30])
    indexes = np.zeros(4, np.int32)
    data = coder.encode(np.full(4, INT32.max), indexes, wide)
    with pytest.raises(CorruptError, match="beyond 32 bits"):
        coder.decode(data, indexes, high)


def test_bytes_after_the_last_symbol_are_seen_by_tensorflow():
    coder = coders.get_coder("tensorflow")
    symbols, indexes = listed_gaussian(50, seed=1)
    with pytest.raises(CorruptError, match="left over"):
        coder.decode(coder.encode(symbols, indexes, GAUSSIAN) + b"more", indexes, GAUSSIAN)


def test_registry():
    assert coders.get_coder("constriction") is coders.get_coder(2)
    assert coders.default_coder().name == ("tensorflow" if HAS_TENSORFLOW else "constriction")
    assert coders.is_available("constriction")
    assert not coders.is_available("zip")
    for unknown, message in [("zip", "there is no range coder 'zip': choose"), (7, "number 7: use a newer version")]:
        with pytest.raises(CoderUnavailableError, match=message):
            coders.get_coder(unknown)


def test_missing_packages_are_named_with_the_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name in ("constriction", 2):
        with pytest.raises(CoderUnavailableError, match=r"needs constriction, .*: pip install constriction") as caught:
            coders.get_coder(name)
        assert "\n" not in str(caught.value)
    assert coders.get_coder("tensorflow") is coders.get_coder(1)  # codes without its library
    with pytest.raises(CoderUnavailableError, match="no range coder is installed"):
        coders.default_coder()
