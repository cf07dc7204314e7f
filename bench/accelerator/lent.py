"""All that is to be measured while an accelerator is lent: one command, to be called again until nothing is left.

    python -m bench accelerator --out DIR --seconds 540

What was measured is kept in DIR/accelerator.json, compiled programs in DIR/compiled. A call begins nothing new after
its seconds; the next one goes on with the first task that is missing.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from bench.accelerator.journal import Journal
from bench.accelerator.kernels import PLANES, compare_kernels
from bench.accelerator.planned import Plan, beside_plan
from bench.accelerator.steps import StepCase, measure_step
from bench.accelerator.symbols import compare_symbols
from cca_jax.bundles.registry import DEFAULT_MODEL
from cca_jax.compile_cache.device_errors import is_out_of_kernel_memory, is_out_of_memory
from eval.results.machine import versions

CASES = (
    StepCase("lite", 64, "bfloat16"),
    StepCase("paper", 16, "bfloat16"),
    StepCase("paper", 8, "bfloat16"),
    StepCase("lite", 64, "float32"),
    StepCase("paper", 8, "float32"),
)
_CROPS = 16
JOURNAL, COMPILED = "accelerator.json", "compiled"


def cases_of(presets: Sequence[str]) -> list[StepCase]:
    """The steps to be timed: those of `CASES`, and one of every other preset."""
    others = [StepCase(preset, _CROPS, "bfloat16") for preset in presets if preset not in {c.preset for c in CASES}]
    return [*(case for case in CASES if case.preset in presets), *others]


def measure_all(
    out: Path,
    seconds: float,
    tell: Callable[[str], object],
    cases: Sequence[StepCase] = CASES,
    model: str = DEFAULT_MODEL,
    steps: int = 20,
    plans: Mapping[str, Plan] | None = None,
) -> dict[str, dict[str, Any]]:
    """Measures what is missing, for so long; returns everything that is known.

    Args:
        out: the folder of results.
        seconds: after which nothing new is begun.
        tell: called with a line before and after each task.
        cases: steps to be timed.
        model: whose files are decoded.
        steps: of each case, in a row.
        plans: what the compiler said of steps elsewhere, by preset.

    Raises:
        ValueError: the folder holds something else, or the CPU's part failed.
    """
    begun = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    journal = Journal(out / JOURNAL)
    jax.config.update("jax_compilation_cache_dir", str((out / COMPILED).resolve()))
    kind = jax.devices()[0].device_kind
    tasks: dict[str, Callable[[], dict[str, Any]]] = {
        f"block of {' × '.join(map(str, shape))}": functools.partial(compare_kernels, shape) for shape in PLANES
    }
    for case in cases:
        tasks[str(case)] = functools.partial(_timed, case, steps, (plans or {}).get(case.preset), kind)
    tasks[f"symbols of {model}"] = functools.partial(compare_symbols, model, out / "symbols")
    left = [name for name in tasks if journal.results.get(name, {}).get("device") != kind]
    while left and time.monotonic() - begun < seconds:
        name = left.pop(0)
        tell(f"{name}: begun after {time.monotonic() - begun:.0f} s")
        result = _result(tasks[name])
        journal.add(name, {"device": kind, **result, "versions": versions()})
        tell(f"{name}: {_summary(result)}; done after {time.monotonic() - begun:.0f} s")
    if left:
        tell(f"{len(left)} tasks are left: call the same command again")
    return journal.results


def _timed(case: StepCase, steps: int, plan: Plan | None, kind: str) -> dict[str, Any]:
    found = measure_step(case, steps)
    return {**found, **beside_plan(found, plan, kind)}


def _result(task: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a task found; that it does not fit is a result too."""
    try:
        return task()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        kernels = is_out_of_kernel_memory(error)
        return {"error": f"the device's {'kernel ' if kernels else ''}memory is too small"}


def _summary(result: Mapping[str, Any]) -> str:
    """The figures that one waits for."""
    if "error" in result:
        return str(result["error"])
    if "seconds" not in result:
        return ", ".join(f"{name} {value}" for name, value in result.items())
    parts = [f"{1e3 * result['seconds']:.2f} ms a step, {result['crops_per_second']:,.0f} crops/s"]
    for name, of in (("bound_seconds", "bound"), ("planned_bound_seconds", "planned bound")):
        if name in result:
            parts.append(f"{of} {1e3 * result[name]:.2f} ms ({result[name] / result['seconds']:.0%} of it reached)")
    return ", ".join([*parts, f"compiled in {result['compile_seconds']:.0f} s"])
