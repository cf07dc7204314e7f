"""Range coding by `constriction` (Bamler, arXiv 2201.01741): the stand-in where TensorFlow has no wheels.

The library codes a run of symbols of one distribution at a time, so the N symbols are taken table by table (stable
order within each): the decoder knows the indexes and undoes it.

Models are built with `perfect=False` from multiples of 2**-16 in float64. Every product in that construction is exact,
so the 24-bit intervals are the same on every machine; `tests/entropy_coding` pins them by golden bytes.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cca_jax.entropy_coding import escapes
from cca_jax.entropy_coding.arguments import check_indexes, check_message, decode_nothing
from cca_jax.entropy_coding.errors import CoderUnavailableError, CorruptError
from cca_jax.entropy_coding.tables import TOTAL, CodingTables

_WORD = 4  # bytes; constriction's range coder works in 32-bit words, on a state of two


class ConstrictionCoder:
    """See `cca_jax.entropy_coding.coders.RangeCoder`."""

    name = "constriction"
    identifier = 2

    def prepare(self) -> None:
        """Nothing: it starts at once."""

    def encode(self, symbols: np.ndarray, indexes: np.ndarray, tables: CodingTables) -> bytes:
        """Codes symbols [N] with the tables [N] that indexes name."""
        symbols, indexes = check_message(symbols, indexes, tables)
        if not len(symbols):
            return b""
        stream = _stream()
        encoder = stream.queue.RangeEncoder()
        model_of = _models(stream, tables)

        def put(intervals: np.ndarray, rows: np.ndarray) -> None:
            for row, members in _by_table(rows):
                if (model := model_of(row)) is not None:
                    encoder.encode(intervals[members], model)

        escapes.encode(symbols, indexes, tables, put)
        return _finish(encoder)

    def decode(self, data: bytes, indexes: np.ndarray, tables: CodingTables) -> np.ndarray:
        """The symbols [N] that `encode` was given."""
        indexes = check_indexes(indexes, tables)
        if not len(indexes):
            return decode_nothing(data)
        stream = _stream()
        model_of = _models(stream, tables)
        padded = bytes(data) + bytes(-len(data) % _WORD)
        decoder = stream.queue.RangeDecoder(np.frombuffer(padded, ">u4").astype(np.uint32))

        def get(rows: np.ndarray) -> np.ndarray:
            intervals = np.zeros(len(rows), np.int32)
            for row, members in _by_table(rows):
                if (model := model_of(row)) is not None:
                    intervals[members] = decoder.decode(model, len(members))
            return intervals

        try:
            return escapes.decode(indexes, tables, get)
        except AssertionError as error:  # constriction's way to say so
            raise CorruptError("constriction cannot read the stream") from error


def _stream() -> Any:
    try:
        from constriction import stream
    except Exception as error:  # a broken installation fails in many ways, and all of them mean the same to the user
        raise CoderUnavailableError(
            f"the range coder 'constriction' does not start ({error}): repair it with pip install constriction"
        ) from error
    return stream


def _models(stream: Any, tables: CodingTables) -> Callable[[int], Any]:
    """Gives the model of a row of `extend(tables)`, or None for a certain outcome, which takes no bits."""
    extended = escapes.extend(tables)

    def model_of(row: int) -> Any:
        counts = np.diff(extended.row(row))
        return stream.model.Categorical(counts / TOTAL, perfect=False) if len(counts) > 1 else None

    return model_of


def _by_table(rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields each row that occurs, in rising order, with the positions of its symbols, int64 [n], rising."""
    narrow = rows.astype(np.uint16) if rows.max() < 1 << 16 else rows  # numpy sorts 16-bit keys by radix
    order = np.argsort(narrow, kind="stable")
    present, firsts = np.unique(rows[order], return_index=True)
    yield from zip(present.tolist(), np.split(order, firsts[1:]), strict=True)


def _finish(encoder: Any) -> bytes:
    """The stream with the shortest ending that the interval allows; the decoder reads zeros past the end.

    constriction ends on a whole word. For a photo of 8 kB in six streams that would cost 0.2 %.
    """
    words = encoder.get_compressed()
    done, (low, width) = encoder.pos()
    state_bits = 16 * _WORD
    if low + width <= 1 << state_bits:  # else a carry into the words before is still open, and the whole word stands
        for length in range(2 * _WORD):
            rest = state_bits - 8 * length
            point = -(-low >> rest) << rest  # low rounded up to so many leading bytes
            if point < low + width:
                head = words[:done].astype(">u4").tobytes()
                return (head + point.to_bytes(state_bits // 8, "big")[:length]).rstrip(b"\0")
    return words.astype(">u4").tobytes().rstrip(b"\0")
