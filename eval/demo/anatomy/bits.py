"""Where the bits of a file go: by stream, and by slice and position."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int32

from cca_jax.bitstream.container import read_header
from cca_jax.codec.codec import Codec
from cca_jax.codec.encoding import Encoding
from cca_jax.entropy_coding.tables import PRECISION, CodingTables


class FileParts(NamedTuple):
    """Bits per pixel of the parts of a file, which add up to the file.

    Attributes:
        header: of the header, with the boxes.
        hyper: of the hyper-latent.
        slices: of each slice.
    """

    header: float
    hyper: float
    slices: tuple[float, ...]


def file_parts(data: bytes) -> FileParts:
    """What the parts of a `.cca` file take, in bits per pixel of the original.

    Raises:
        FormatError, CorruptError: not such a file.
    """
    header = read_header(data)
    pixels = header.width * header.height
    hyper, *slices = (8 * length / pixels for length in header.lengths)
    whole = 8 * len(data) / pixels
    return FileParts(whole - hyper - sum(slices), hyper, tuple(slices))


def symbol_bits(
    tables: CodingTables, symbols: Int32[np.ndarray, "*shape"], indexes: Int32[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """What the tables say that each symbol costs, in bits; of an escaped one, the escape without its digits.

    Args:
        tables: of the densities.
        symbols: the integers.
        indexes: the table of each of them.
    """
    starts, escapes = tables.starts.astype(np.int64)[indexes], tables.sizes[indexes] - 1
    places = symbols.astype(np.int64) - tables.minimum[indexes]
    places = np.where((places >= 0) & (places < escapes), places, escapes)
    counts = tables.cdf[starts + places + 1] - tables.cdf[starts + places]
    return PRECISION - np.log2(counts)


def bits_by_position(codec: Codec, encoding: Encoding) -> Float[np.ndarray, "K h w"]:
    """Bits of each slice at each position of the latent, one of which stands for 16×16 pixels."""
    streams = list(zip(encoding.symbols, encoding.indexes, strict=True))[1:]
    return np.stack([symbol_bits(codec.bundle.latent, *stream)[0].sum(axis=-1) for stream in streams])
