"""Range coding by `tensorflow-compression-ops`: one interleaved stream, symbol after symbol.

The op's lookup is the concatenation of [precision, cdf…] for every table (documentation of CreateRangeEncoder in
tensorflow/compression). Precision is given as a positive number, which leaves escapes to `entropy_coding.escapes`.
The coder consumes 32 bits at a time and drops trailing zero bytes, so any bytes decode to something: damage is the
container's to find, by checksum.
"""

import functools

import numpy as np

from cca_jax import install_hint
from cca_jax.entropy_coding import escapes
from cca_jax.entropy_coding.arguments import check_indexes, check_message, decode_nothing
from cca_jax.entropy_coding.errors import CoderUnavailableError, CodingError, CorruptError
from cca_jax.entropy_coding.tables import PRECISION, CodingTables
from cca_jax.entropy_coding.tensorflow.library import INT32, Library, Tensor, TensorFlowError
from cca_jax.entropy_coding.tensorflow.start import start, start_in_background


class TensorFlowCoder:
    """See `cca_jax.entropy_coding.coders.RangeCoder`."""

    name = "tensorflow"
    identifier = 1

    def prepare(self) -> None:
        """Starts TensorFlow in the background."""
        start_in_background()

    def encode(self, symbols: np.ndarray, indexes: np.ndarray, tables: CodingTables) -> bytes:
        """Codes symbols [N] with the tables [N] that indexes name."""
        symbols, indexes = check_message(symbols, indexes, tables)
        if not len(symbols):
            return b""
        library = _start()
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
        library = _start()
        try:
            stream = library.string(bytes(data))
            (coder,) = library.execute("CreateRangeDecoder", [stream, _lookup(library, tables)], 1)

            def get(rows: np.ndarray) -> np.ndarray:
                nonlocal coder
                inputs = [coder, library.integers(rows), library.integers([len(rows)])]
                coder, intervals = library.execute("EntropyDecodeIndex", inputs, 2, Tdecoded=INT32)
                return np.frombuffer(intervals.memory(), np.int32)

            symbols = escapes.decode(indexes, tables, get)
            complete = any(library.execute("EntropyDecodeFinalize", [coder], 1)[0].memory())
        except TensorFlowError as error:
            raise CorruptError(f"TensorFlow's range coder cannot read the stream: {_first_line(error)}") from error
        if not complete:
            raise CorruptError("bytes are left over after the last symbol: the stream was changed")
        return symbols


@functools.lru_cache(maxsize=4)  # a model's: every stream needs them
def _lookup(library: Library, tables: CodingTables) -> Tensor:
    extended = escapes.extend(tables)
    return library.integers(np.insert(extended.cdf, extended.starts[:-1], PRECISION))


def _start() -> Library:
    try:
        return start()
    except Exception as error:  # a broken installation fails in many ways, and all of them mean the same to the user
        raise CoderUnavailableError(
            f"the range coder 'tensorflow' is installed but does not start ({_first_line(error)}): "
            f"use the coder 'constriction', or repair it, {install_hint('tensorflow')}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
