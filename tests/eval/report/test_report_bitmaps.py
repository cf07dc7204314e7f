"""The bits of symbols: by hand, and against what the range coder writes."""

import numpy as np
import pytest

from cca_jax.entropy_coding import coders
from cca_jax.entropy_coding.tables import TOTAL, CodingTables, gaussian_tables
from eval.report.bitmaps import symbol_bits


def test_the_cost_of_every_kind_of_symbol():
    # One table: -1 with ½, 0 with ¼, 1 with ⅛, escape ⅛.
    cdf = np.array([0, TOTAL // 2, 3 * TOTAL // 4, 7 * TOTAL // 8, TOTAL], np.int32)
    tables = CodingTables(cdf, np.array([0, 5], np.int32), np.array([-1], np.int32))
    symbols = np.array([-1, 0, 1, 2, -2, 3], np.int32)
    bits = symbol_bits(symbols, np.zeros(6, np.int32), tables)
    # Escapes: 3 bits, then the Elias gamma code of v = 1, 2, 3, of 1, 3 and 3 bits.
    np.testing.assert_allclose(bits, [1, 2, 3, 3 + 1, 3 + 3, 3 + 3], atol=1e-3)


@pytest.mark.parametrize("reach", [1, 40])
def test_they_add_up_to_the_stream(reach):
    tables = gaussian_tables(np.array([0.2, 1.0, 5.0]))
    generator = np.random.default_rng(0)
    indexes = generator.integers(0, 3, 20000).astype(np.int32)
    symbols = np.rint(generator.normal(0, reach * np.array([0.2, 1.0, 5.0])[indexes])).astype(np.int32)
    stream = coders.get_coder("constriction").encode(symbols, indexes, tables)
    assert symbol_bits(symbols, indexes, tables).sum() == pytest.approx(8 * len(stream), rel=1e-3, abs=64)
