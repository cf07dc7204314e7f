"""The table of an experiment, in Markdown as docs/training/experiments.md has it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from cca_jax.objective.bd_rate import IncomparableError
from train.compare.intervals import paired_bd_rates
from train.compare.results import Results, RunResult

_MINUS = "−"


def markdown(results: Results) -> str:
    """A sentence on what was run, and a row a variant; variants of which no run is done are left out."""
    first = results.variants[0]
    anchor = results.of(first)
    lines = [
        _sentence(results, anchor),
        "",
        f"| variant | against `{first}` | 95 % interval | seeds | validation loss | seconds a step |",
        "|---|---|---|---|---|---|",
    ]
    done = {name: runs for name in results.variants if (runs := results.of(name))}
    lines += [_row(name, runs, None if name == first else anchor, _pace(anchor)) for name, runs in done.items()]
    return "\n".join(lines) + "\n"


def _sentence(results: Results, anchor: Sequence[RunResult]) -> str:
    if not anchor:
        return "No run of the first variant is done."
    config = anchor[0].config
    devices = ", ".join(sorted({run.device for run in results.runs}))
    rates = "real files" if anchor[0].of_files else "the latent rounded, rates from likelihoods"
    duration = config["duration"]
    length = f"{duration[:-2]} epochs in batches" if duration.endswith("ep") else f"{duration} steps"
    return (
        f"Each run takes {length} of {config['batch_size']} crops of {config['patch_size']}²; runs "
        f"of one seed see the same crops with the same noise ({devices}). BD-rates by PSNR are paired by seed and "
        f"measured on {anchor[0].photos} held-out photos, {rates}; negative is better."
    )


def _row(name: str, runs: Sequence[RunResult], anchor: Sequence[RunResult] | None, usual: float | None) -> str:
    rate = interval = ""
    if anchor is not None:
        rate, interval = _difference(anchor, runs)
    loss = f"{statistics.fmean(run.loss for run in runs):.4f}"
    return f"| `{name}` | {rate} | {interval} | {len(runs)} | {loss} | {_time(_pace(runs), usual)} |"


def _difference(anchor: Sequence[RunResult], runs: Sequence[RunResult]) -> tuple[str, str]:
    """The mean BD-rate and its interval, as text."""
    try:
        found = paired_bd_rates(anchor, runs)
    except IncomparableError as error:
        return "none", str(error)
    except ValueError as error:
        return "", str(error)
    if found.half_width is None:
        return percent(found.mean), "one seed: unknown"
    low, high = (percent(found.mean + sign * found.half_width) for sign in (-1, 1))
    return percent(found.mean), f"{low} to {high}"


def _pace(runs: Sequence[RunResult]) -> float | None:
    known = [run.seconds_per_step for run in runs if run.seconds_per_step is not None]
    return statistics.median(known) if known else None


def _time(seconds: float | None, usual: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.3g}" if usual is None or seconds == usual else f"{seconds:.3g} (×{seconds / usual:.2f})"


def percent(value: float) -> str:
    """A signed percentage with two digits, with the sign of a minus that is one."""
    text = f"{value:+.2f} %"
    return text.replace("-", _MINUS)
