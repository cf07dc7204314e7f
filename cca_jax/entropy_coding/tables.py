"""Frozen integer tables: the distributions that encoder and decoder share, bit for bit.

A table is computed once, in floating point, when a model is exported; from then on only its integers count. They
travel in the model's bundle, so another machine's `exp` and `erfc` cannot change what a file means.

The Gaussian tables, their 64 scales, the 16-bit precision, the tail mass of 1e-9 and the escape are those of
Ballé et al. (ICLR 2018) as used by the CCA release; the Laplacian ones are ours.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

PRECISION = 16
TOTAL = 1 << PRECISION
_INT32 = np.iinfo(np.int32)
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


@dataclass(frozen=True, eq=False)
class CodingTables:
    """T quantised cumulative distributions of integer symbols, of different lengths.

    Table t has n intervals: n - 1 symbols `minimum[t], minimum[t] + 1, …`, then the escape, which announces a symbol
    outside that range. A table may consist of the escape alone. The arrays are read-only copies.

    Attributes:
        cdf: int32 [sum of (n + 1)], the rows one after the other: each rises strictly from 0 to 2**16, and interval k
            has probability (row[k + 1] - row[k]) / 2**16.
        starts: int32 [T + 1], row t is `cdf[starts[t]:starts[t + 1]]`.
        minimum: int32 [T], the symbol that the first interval of each table stands for.

    Raises:
        ValueError: the arrays are not such tables (they may come from a stranger's bundle).
    """

    cdf: np.ndarray
    starts: np.ndarray
    minimum: np.ndarray

    def __post_init__(self) -> None:
        for name in ("cdf", "starts", "minimum"):
            array = np.array(getattr(self, name))
            if array.dtype != np.int32 or array.ndim != 1:
                raise ValueError(f"coding tables: {name} must be int32 [n], got {array.dtype} {list(array.shape)}")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        _check_rows(self.cdf, self.starts, self.minimum)

    @property
    def count(self) -> int:
        """T, the number of tables."""
        return len(self.minimum)

    @property
    def sizes(self) -> np.ndarray:
        """int64 [T], the number of intervals of each table, the escape included (at least 1)."""
        return np.diff(self.starts.astype(np.int64)) - 1

    def row(self, index: int) -> np.ndarray:
        """int32 [n + 1], the cumulative counts of one table."""
        return self.cdf[self.starts[index] : self.starts[index + 1]]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The three arrays by name, for a safetensors file."""
        return {"cdf": self.cdf, "starts": self.starts, "minimum": self.minimum}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "CodingTables":
        """The inverse of `to_arrays`; a missing or extra name, or an impossible table, raises ValueError."""
        expected = {"cdf", "starts", "minimum"}
        if set(arrays) != expected:
            raise ValueError(f"coding tables: expected the arrays {sorted(expected)}, got {sorted(arrays)}")
        return cls(**arrays)


def _check_rows(cdf: np.ndarray, starts: np.ndarray, minimum: np.ndarray) -> None:
    """Raises ValueError unless the arrays form T ≥ 1 rows that a range coder can use."""
    count = len(minimum)
    if count < 1 or len(starts) != count + 1:
        raise ValueError(f"coding tables: {len(starts)} row boundaries do not delimit {count} tables")
    wide = starts.astype(np.int64)
    if wide[0] != 0 or wide[-1] != len(cdf) or (np.diff(wide) < 2).any():
        raise ValueError("coding tables: row boundaries must rise from 0 to the length of cdf by at least 2")
    first, last = starts[:-1], starts[1:] - 1
    if (cdf[first] != 0).any() or (cdf[last] != TOTAL).any():
        raise ValueError(f"coding tables: every row must begin at 0 and end at {TOTAL}")
    rises = np.diff(cdf.astype(np.int64)) > 0
    rises[last[:-1]] = True  # from the end of one row to the start of the next
    if not rises.all():
        raise ValueError("coding tables: every row must rise strictly: no interval may have probability 0")
    if (minimum.astype(np.int64) + np.diff(wide) > _INT32.max).any():
        raise ValueError("coding tables: a table reaches beyond 32-bit symbols")


def quantize_pmf(pmf: np.ndarray) -> np.ndarray:
    """The integer distribution that codes `pmf` at the least expected length.

    It minimises -Σ p·log2(c) over counts c ≥ 1 that sum to 2**16. The c-th count of an interval is worth
    p·log((c + 1)/c) more than the one before; these worths fall with c, so the optimum takes the most valuable of them
    all (the usual greedy correction reaches the same point one count at a time). All above a threshold are found by
    bisection, and what rounding leaves over is handed out in order of worth.

    Args:
        pmf: float64 [n], 1 ≤ n ≤ 2**16, finite, ≥ 0, sum > 0 (it is normalised here); the last one is the escape.

    Returns:
        int32 [n + 1], rising strictly from 0 to 2**16.
    """
    pmf = np.asarray(pmf, np.float64)
    if pmf.ndim != 1 or not 1 <= len(pmf) <= TOTAL:
        raise ValueError(f"a distribution must have 1 to {TOTAL} probabilities, got shape {list(pmf.shape)}")
    if not np.isfinite(pmf).all() or (pmf < 0).any() or pmf.sum() <= 0:
        raise ValueError("probabilities must be finite and at least 0, with a sum above 0")
    pmf = pmf / pmf.sum()

    def counts_above(threshold: float) -> np.ndarray:
        with np.errstate(divide="ignore", over="ignore"):
            return 1 + np.floor(np.minimum(1 / np.expm1(threshold / pmf), TOTAL)).astype(np.int64)

    too_many, few_enough = 0.5 / TOTAL**2, 1.0  # bounds of the threshold: every worth lies below 1
    for _ in range(64):
        middle = math.sqrt(too_many * few_enough)
        if counts_above(middle).sum() > TOTAL:
            too_many = middle
        else:
            few_enough = middle
    counts = counts_above(few_enough)
    left_over = TOTAL - int(counts.sum())
    while left_over > 0:  # once, unless more than n worths are equal
        worth = pmf * np.log1p(1 / counts)
        best = np.argsort(-worth, kind="stable")[:left_over]
        counts[best] += 1
        left_over -= len(best)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _join(rows: Iterable[np.ndarray], minimums: Iterable[int]) -> CodingTables:
    rows = list(rows)
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return CodingTables(np.concatenate(rows), starts.astype(np.int32), np.array(list(minimums), np.int32))


def tables_from_pmfs(pmfs: Sequence[np.ndarray], minimums: Sequence[int]) -> CodingTables:
    """Tables of any discrete distributions, such as the factorised density's at integer offsets from its medians.

    Args:
        pmfs: T arrays, float64 [n_t] with n_t ≥ 0, the probabilities of `minimum, minimum + 1, …`. What they lack of 1
            is the escape's.
        minimums: T integers, the symbol of each first probability.

    Raises:
        ValueError: a negative probability, a sum above 1, or a different number of pmfs and minimums.
    """
    if len(pmfs) != len(minimums):
        raise ValueError(f"{len(pmfs)} distributions do not go with {len(minimums)} first symbols")
    rows = []
    for pmf in pmfs:
        rest = 1 - np.sum(pmf, dtype=np.float64)
        if not rest >= -1e-6:  # also catches NaN
            raise ValueError(f"the probabilities of a table must sum to at most 1, got {1 - rest}")
        rows.append(quantize_pmf(np.append(pmf, max(rest, 0.0))))
    return _join(rows, minimums)


def gaussian_tables(scales: np.ndarray, tail_mass: float = 1e-9) -> CodingTables:
    """Zero-mean Gaussians integrated over unit bins, one table a scale.

    Table t covers -m … m with the least m that leaves at most `tail_mass` outside, both sides together.

    Args:
        scales: [T], standard deviations in quantisation steps, > 0.
        tail_mass: what may be left to the escape, in (0, 1).
    """
    reach = -NormalDist().inv_cdf(tail_mass / 2)
    return _symmetric_tables(scales, reach, lambda x: 0.5 * _erfc(x / math.sqrt(2)))


def laplacian_tables(scales: np.ndarray, tail_mass: float) -> CodingTables:
    """Densities exp(-2 |x| / scale) / scale, whose standard deviation is scale / √2, integrated over unit bins.

    Tables and arguments are otherwise as for `gaussian_tables`.
    """
    return _symmetric_tables(scales, -math.log(tail_mass) / 2, lambda x: 0.5 * np.exp(-2 * x))


def _symmetric_tables(scales: np.ndarray, reach: float, upper_tail: Callable[[np.ndarray], np.ndarray]) -> CodingTables:
    """Tables of a family that `upper_tail` describes at scale 1, out to `reach`, from 0 on."""
    widths = [float(scale) for scale in scales]
    if not all(0 < width < math.inf for width in widths):
        raise ValueError("scales must be finite and above 0")
    pmfs, minimums = [], []
    for width in widths:
        m = max(0, math.ceil(reach * width - 0.5))
        beyond = upper_tail((np.arange(m + 1) + 0.5) / width)  # P(X > k + ½), k = 0 … m
        half = beyond[:-1] - beyond[1:]  # differences of tails, not of cumulatives: exact far out too
        pmfs.append(np.concatenate([half[::-1], [1 - 2 * beyond[0]], half]))
        minimums.append(-m)
    return tables_from_pmfs(pmfs, minimums)


def scale_table(count: int = 64, minimum: float = 0.11, maximum: float = 256.0) -> np.ndarray:
    """float32 [count], the scales that have a table: from `minimum` to `maximum` in equal steps of the logarithm."""
    return np.exp(np.linspace(math.log(minimum), math.log(maximum), count)).astype(np.float32)


def typical_scales(scales: np.ndarray) -> np.ndarray:
    """What each table should be made of where a symbol takes that of the first scale at or above its own σ.

    Such a table serves every σ from the scale before it to its own, so it is made of their geometric mean; the lowest
    serves what is clamped to it. With the upper ends instead, files are up to 1 % longer.

    Args:
        scales: [T], ascending.

    Returns:
        float64 [T].
    """
    scales = np.asarray(scales, np.float64)
    return np.concatenate([scales[:1], np.sqrt(scales[:-1] * scales[1:])])
