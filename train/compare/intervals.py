"""Statistics of matched runs: BD-rates seed by seed, their mean and a confidence interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from scipy.stats import t

from cca_jax.objective.bd_rate import bd_rate
from train.compare.results import RunResult

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A mean over seeds.

    Attributes:
        mean: of the values.
        half_width: of the confidence interval around it, by Student's t; None of fewer than two values.
        values: one a seed.
    """

    mean: float
    half_width: float | None
    values: tuple[float, ...]


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of independent values and t(0.975, n - 1) · s / √n around it; at least one value."""
    half_width = None
    if len(values) > 1:
        quantile = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
        half_width = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return Estimate(statistics.fmean(values), half_width, tuple(values))


def paired_bd_rates(anchor: Sequence[RunResult], other: Sequence[RunResult]) -> Estimate:
    """BD-rate in percent of the other variant against the anchor, run against run of the same seed.

    Raises:
        IncomparableError: curves that have no BD-rate, such as those of models of fewer than four rates.
        ValueError: no seed that both have.
    """
    by_seed = {run.seed: run for run in other}
    pairs = [(run, by_seed[run.seed]) for run in anchor if run.seed in by_seed]
    if not pairs:
        raise ValueError("no seed is done for both")
    return estimate([bd_rate(first.points, second.points).percent for first, second in pairs])
