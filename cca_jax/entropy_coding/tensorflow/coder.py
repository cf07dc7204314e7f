"""Range coding by `tensorflow-compression-ops`: one interleaved stream, symbol after symbol.

The op's lookup is the concatenation of [precision, cdf…] for every table (documentation of CreateRangeEncoder in
tensorflow/compression). Precision is given as a positive number, which leaves escapes to `entropy_coding.escapes`.
The decoder reads zeros past the end, so any bytes decode to something: damage is the container's to find, by checksum.

Where the library is not installed or does not start, `range_code` makes and reads the same bytes, and a warning of the
log says so once.
"""

import functools
import importlib.util
import logging

import numpy as np

from cca_jax.entropy_coding import escapes
from cca_jax.entropy_coding.arguments import check_indexes, check_message, decode_nothing
from cca_jax.entropy_coding.errors import CodingError, CorruptError
from cca_jax.entropy_coding.tables import PRECISION, CodingTables
from cca_jax.entropy_coding.tensorflow.library import INT32, Library, Tensor, TensorFlowError
from cca_jax.entropy_coding.tensorflow.range_code import RangeDecoder, RangeEncoder
from cca_jax.entropy_coding.tensorflow.start import start, start_in_background

PACKAGES = ("tensorflow", "tensorflow_compression_ops")
"""What the library takes."""
_log = logging.getLogger("cca_jax.entropy_coding")


class TensorFlowCoder:
    """See `cca_jax.entropy_coding.coders.RangeCoder`."""

    name = "tensorflow"
    identifier = 1

    def prepare(self) -> None:
        """Starts TensorFlow in the background."""
        if is_installed():
            start_in_background()

    def encode(self, symbols: np.ndarray, indexes: np.ndarray, tables: CodingTables) -> bytes:
        """Codes symbols [N] with the tables [N] that indexes name."""
        symbols, indexes = check_message(symbols, indexes, tables)
        if not len(symbols):
            return b""
        library = _library()
        if library is None:
            encoder = RangeEncoder(escapes.extend(tables))
            escapes.encode(symbols, indexes, tables, encoder.write)
            return encoder.finish()
        try:
            (coder,) = library.execute("CreateRangeEncoder", [library.integers([]), _lookup(library, tables)], 1)

            def put(intervals: np.ndarray, rows: np.ndarray) -> None:
                nonlocal coder
                inputs = [coder, library.integers(rows), library.integers(intervals)]
                (coder,) = library.execute("EntropyEncodeIndex", inputs, 1)

            escapes.encode(symbols, indexes, tables, put)
            return library.execute("EntropyEncodeFinalize", [coder], 1)[0].string()
        except TensorFlowError as error:
            raise CodingError(f"TensorFlow's range coder failed: {_first_line(error)}") from error

    def decode(self, data: bytes, indexes: np.ndarray, tables: CodingTables) -> np.ndarray:
        """The symbols [N] that `encode` was given."""
        indexes = check_indexes(indexes, tables)
        if not len(indexes):
            return decode_nothing(data)
        library = _library()
        if library is None:
            decoder = RangeDecoder(bytes(data), escapes.extend(tables))
            symbols, complete = escapes.decode(indexes, tables, decoder.read), decoder.is_complete()
        else:
            symbols, complete = _decode(library, data, indexes, tables)
        if not complete:
            raise CorruptError("bytes are left over after the last symbol")
        return symbols


@functools.cache  # every stream asks
def is_installed() -> bool:
    """Whether the library can be found; nothing is imported."""
    return all(importlib.util.find_spec(package) is not None for package in PACKAGES)


def _decode(library: Library, data: bytes, indexes: np.ndarray, tables: CodingTables) -> tuple[np.ndarray, bool]:
    """The symbols, and whether the stream ends with them."""
    try:
        stream = library.string(bytes(data))
        (coder,) = library.execute("CreateRangeDecoder", [stream, _lookup(library, tables)], 1)

        def get(rows: np.ndarray) -> np.ndarray:
            nonlocal coder
            inputs = [coder, library.integers(rows), library.integers([len(rows)])]
            coder, intervals = library.execute("EntropyDecodeIndex", inputs, 2, Tdecoded=INT32)
            return np.frombuffer(intervals.memory(), np.int32)

        symbols = escapes.decode(indexes, tables, get)
        return symbols, any(library.execute("EntropyDecodeFinalize", [coder], 1)[0].memory())
    except TensorFlowError as error:
        raise CorruptError(f"TensorFlow's range coder cannot read the stream: {_first_line(error)}") from error


@functools.lru_cache(maxsize=4)  # a model's: every stream needs them
def _lookup(library: Library, tables: CodingTables) -> Tensor:
    extended = escapes.extend(tables)
    return library.integers(np.insert(extended.cdf, extended.starts[:-1], PRECISION))


def _library() -> Library | None:
    """TensorFlow's, or None where it is not installed or does not start."""
    if not is_installed():
        _say_once("is not installed here")
        return None
    try:
        return start()
    except Exception as error:  # a broken installation fails in many ways, and all of them mean the same to the user
        _say_once(f"does not start ({_first_line(error)})")
        return None


@functools.cache
def _say_once(reason: str) -> None:
    _log.warning("the library of the range coder 'tensorflow' %s: the same code in Python, slower, is used", reason)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
