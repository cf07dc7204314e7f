"""Range coding by `tensorflow-compression-ops`: one interleaved stream, symbol after symbol.

The op's lookup is the concatenation of [precision, cdf…] for every table (documentation of CreateRangeEncoder in
tensorflow/compression). Precision is given as a positive number, which leaves escapes to `cca_jax.coding.escapes`.
The coder consumes 32 bits at a time and drops trailing zero bytes, so any bytes decode to something: damage is the
container's to find, by checksum.
"""

from typing import Any

import numpy as np

from cca_jax.coding import escapes
from cca_jax.coding.arguments import check_indexes, check_message, decode_nothing
from cca_jax.coding.errors import CoderUnavailableError, CodingError, CorruptError
from cca_jax.coding.quiet_tensorflow import start, start_in_background
from cca_jax.coding.tables import PRECISION, CodingTables


class TensorFlowCoder:
    """See `cca_jax.coding.coders.RangeCoder`."""

    name = "tensorflow"
    identifier = 1

    def prepare(self) -> None:
        """Starts TensorFlow in the background, which takes seconds."""
        start_in_background()

    def encode(self, symbols: np.ndarray, indexes: np.ndarray, tables: CodingTables) -> bytes:
        """Codes symbols [N] with the tables [N] that indexes name."""
        symbols, indexes = check_message(symbols, indexes, tables)
        if not len(symbols):
            return b""
        tf, ops = _start()
        try:
            with tf.device("CPU:0"):
                handle = ops.create_range_encoder([], _lookup(tables))

                def put(intervals: np.ndarray, rows: np.ndarray) -> None:
                    nonlocal handle
                    handle = ops.entropy_encode_index(handle, rows, intervals)

                escapes.encode(symbols, indexes, tables, put)
                return ops.entropy_encode_finalize(handle).numpy()
        except tf.errors.OpError as error:
            raise CodingError(f"TensorFlow's range coder failed: {_first_line(error)}") from error

    def decode(self, data: bytes, indexes: np.ndarray, tables: CodingTables) -> np.ndarray:
        """The symbols [N] that `encode` was given."""
        indexes = check_indexes(indexes, tables)
        if not len(indexes):
            return decode_nothing(data)
        tf, ops = _start()
        try:
            with tf.device("CPU:0"):
                handle = ops.create_range_decoder(bytes(data), _lookup(tables))

                def get(rows: np.ndarray) -> np.ndarray:
                    nonlocal handle
                    handle, intervals = ops.entropy_decode_index(handle, rows, [len(rows)], tf.int32)
                    return intervals.numpy()

                symbols = escapes.decode(indexes, tables, get)
                complete = bool(ops.entropy_decode_finalize(handle).numpy())
        except tf.errors.OpError as error:
            raise CorruptError(f"TensorFlow's range coder cannot read the stream: {_first_line(error)}") from error
        if not complete:
            raise CorruptError("bytes are left over after the last symbol: the stream was changed")
        return symbols


def _lookup(tables: CodingTables) -> np.ndarray:
    extended = escapes.extend(tables)
    return np.insert(extended.cdf, extended.starts[:-1], PRECISION)


def _start() -> tuple[Any, Any]:
    try:
        return start()
    except Exception as error:  # a broken installation fails in many ways, and all of them mean the same to the user
        raise CoderUnavailableError(
            f"the range coder 'tensorflow' is installed but does not start ({_first_line(error)}): "
            "repair it with pip install 'cca_jax[tensorflow]', or use the coder 'constriction'"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
