"""Where the bits of a file go: the cost of every coded symbol, by the same integer tables that the range coder used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int32

from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.encoding import Encoding
from cca_jax.entropy_coding import escapes
from cca_jax.entropy_coding.tables import PRECISION, CodingTables


@dataclass(frozen=True)
class BitMaps:
    """Bits of one file by latent position, summed over channels.

    Attributes:
        hyper: float64 [hz, wz], of the hyper-latent: a position stands for 64×64 pixels.
        slices: float64 [S, h, w], of each slice of the latent: a position stands for 16×16 pixels.
    """

    hyper: Float[np.ndarray, "hz wz"]
    slices: Float[np.ndarray, "S h w"]


def symbol_bits(
    symbols: Int32[np.ndarray, " N"], indexes: Int32[np.ndarray, " N"], tables: CodingTables
) -> Float[np.ndarray, " N"]:
    """What each symbol of a stream costs, bits: its escape's suffix included.

    A range coder's stream is longer than their sum by its own rounding only, a few bytes.

    Args:
        symbols: int32 [N].
        indexes: int32 [N], the table of each.
        tables: the tables of the stream.

    Returns:
        float64 [N], each above 0, or 0 where a table leaves no choice.
    """
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    escapes.encode(symbols, indexes, tables, lambda intervals, rows: parts.append((intervals, rows)))
    extended = escapes.extend(tables)

    def cost(intervals: np.ndarray, rows: np.ndarray) -> np.ndarray:
        at = extended.starts[rows] + intervals
        return PRECISION - np.log2((extended.cdf[at + 1] - extended.cdf[at]).astype(np.float64))

    intervals, rows = parts[0]
    bits = cost(intervals, rows)
    if len(parts) > 1:
        # Widths come first, in the order of the escaped symbols; a value of width b is then sent as b plain bits.
        widths, width_rows = parts[1]
        bits[intervals == tables.sizes[rows] - 1] += cost(widths, width_rows) + widths
    return bits


def bit_maps(encoding: Encoding, bundle: Bundle) -> BitMaps:
    """The bits of a file by latent position.

    Args:
        encoding: what `Codec.encode` gave.
        bundle: its model.
    """
    tables = [bundle.hyper] + [bundle.latent] * (len(encoding.symbols) - 1)
    hyper, *slices = (
        symbol_bits(symbols.ravel(), indexes.ravel(), table).reshape(symbols.shape).sum(axis=(0, 3))
        for symbols, indexes, table in zip(encoding.symbols, encoding.indexes, tables, strict=True)
    )
    return BitMaps(hyper, np.stack(slices))
