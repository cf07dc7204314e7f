"""All that is to be measured while an accelerator is lent: one command, to be called again until nothing is left.

    python -m bench accelerator --out DIR --seconds 540

What was measured is kept in DIR/accelerator.json, compiled programs in DIR/compiled. A call begins nothing new after
its seconds; the next one goes on with the first task that is missing.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax

from bench.accelerator.journal import Journal
from bench.accelerator.steps import StepCase, measure_step
from bench.accelerator.symbols import compare_symbols
from cca_jax.bundles.registry import DEFAULT_MODEL
from cca_jax.compile_cache.device_errors import is_out_of_memory
from eval.results.machine import versions

CASES = (
    StepCase("lite", 64, "bfloat16"),
    StepCase("paper", 16, "bfloat16"),
    StepCase("paper", 8, "bfloat16"),
    StepCase("lite", 64, "float32"),
    StepCase("paper", 8, "float32"),
)
_REPETITIONS = 20
JOURNAL, COMPILED = "accelerator.json", "compiled"


def measure_all(
    out: Path,
    seconds: float,
    tell: Callable[[str], object],
    cases: Sequence[StepCase] = CASES,
    model: str = DEFAULT_MODEL,
    repetitions: int = _REPETITIONS,
) -> dict[str, dict[str, Any]]:
    """Measures what is missing, for so long; returns everything that is known.

    Args:
        out: the folder of results.
        seconds: after which nothing new is begun.
        tell: called with a line a task.
        cases: steps to be timed.
        model: whose files are decoded.
        repetitions: of each step.

    Raises:
        ValueError: the folder holds something else, or the CPU's part failed.
    """
    begun = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    journal = Journal(out / JOURNAL)
    jax.config.update("jax_compilation_cache_dir", str((out / COMPILED).resolve()))
    tasks: dict[str, Callable[[], dict[str, Any]]] = {
        str(case): functools.partial(measure_step, case, repetitions) for case in cases
    }
    tasks[f"symbols of {model}"] = functools.partial(compare_symbols, model, out / "symbols")
    kind = jax.devices()[0].device_kind
    left = [name for name in tasks if journal.results.get(name, {}).get("device") != kind]
    while left and time.monotonic() - begun < seconds:
        name = left.pop(0)
        journal.add(name, {"device": kind, **_result(tasks[name]), "versions": versions()})
        tell(f"{name}: done after {time.monotonic() - begun:.0f} s")
    if left:
        tell(f"{len(left)} tasks are left: call the same command again")
    return journal.results


def _result(task: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a task found; that it does not fit is a result too."""
    try:
        return task()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return {"error": "the device's memory is too small"}
