"""What `--compile-for` says: a few lines for people, or JSON for machines."""

from __future__ import annotations

import collections
import math
from typing import Any

from train.plan.accelerators.collectives import Collective
from train.plan.accelerators.roofline import ARITHMETIC, INTERCONNECT, MEMORY, NETWORK
from train.plan.accelerators.traffic import Kernel, largest
from train.plan.compile_for import CompiledRun

_GIGA = 1e9
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""))


def describe_compiled(run: CompiledRun, top: int = 0) -> str:
    """Memory, what each resource needs, the bound and the kernels that move most, for one device.

    Args:
        run: the run's step.
        top: how many kernels.
    """
    config, cost, chip = run.config, run.cost, run.topology.chip
    memory, bound = cost.memory, cost.bound(chip)
    amounts = {
        ARITHMETIC: _amount(cost.operations / run.steps, "FLOP"),
        MEMORY: _amount(cost.traffic / run.steps, "B"),
        INTERCONNECT: f"{_amount(cost.sent / run.steps, 'B')} sent",
        NETWORK: f"{_amount(cost.sent_between / run.steps, 'B')} sent",
    }
    each = config.batch_size // run.topology.size
    verdict = "fits" if run.fits else "TOO LARGE"
    lines = [
        f"{run.topology}: {run.topology.size} × {chip.device_kinds[0]}, {each} of {config.batch_size} crops a step on "
        f"each, {config.precision}; per device:",
        f"memory        {memory.peak / _GIGA:.2f} of {chip.memory / _GIGA:.2f} GB: {verdict}; arguments "
        f"{memory.arguments / _GIGA:.2f}, temporaries {memory.temporaries / _GIGA:.2f}, results "
        f"{memory.results / _GIGA:.2f}, code {memory.code / _GIGA:.2f}",
    ]
    for name, amount in amounts.items():
        if bound.seconds[name] or name in (ARITHMETIC, MEMORY):
            lines.append(f"{name:<13} {amount}: {_milliseconds(bound.seconds[name] / run.steps)}")
    lines += [f"exchanges     {_exchanges(cost.exchanges)}"] if cost.exchanges else []
    lines += [
        f"bound         {_milliseconds(run.seconds)} a step, by {bound.by}: {each / run.seconds:,.0f} crops/s a device,"
        f" {run.crops_per_second:,.0f} in all; {bound.share_of_peak:.1%} of the peak in bfloat16",
        f"photos        {run.crops_per_second:,.0f} crops/s in all at best: python -m bench data --patch-size "
        f"{config.patch_size} --crops-per-second {math.ceil(run.crops_per_second)} says how many cores read as many",
        f"compiled      in {cost.compile_seconds:.0f} s",
    ]
    if cost.schedules:
        cycles, unknown = cost.schedules
        lines.append(f"schedules     {_amount(cycles / run.steps, 'cycles')} of a core, without waits for main memory")
        lines += [f"note          {unknown} kernels or loops in them are not in it as they run"] if unknown else []
    if cost.unknown_loops:
        lines.append(f"note          {cost.unknown_loops} loops of unknown length were counted as one turn")
    if top:
        lines.append("kernels       that move most, a call of the program:")
        lines += [_kernel(kernel, chip.bandwidth) for kernel in largest(list(cost.kernels), top)]
    return "\n".join(lines)


def compiled_values(run: CompiledRun, top: int = 0) -> dict[str, Any]:
    """The same as JSON values; bytes, seconds and operations of one step on one device."""
    cost, chip, steps = run.cost, run.topology.chip, run.steps
    bound, memory = cost.bound(chip), cost.memory
    return {
        "topology": str(run.topology),
        "devices": run.topology.size,
        "device_kind": chip.device_kinds[0],
        "batch_size": run.config.batch_size,
        "precision": run.config.precision,
        "fits": run.fits,
        "memory": {
            "arguments": memory.arguments,
            "temporaries": memory.temporaries,
            "results": memory.results,
            "code": memory.code,
            "peak": memory.peak,
            "chip": chip.memory,
        },
        "operations": cost.operations / steps,
        "main_memory_bytes": cost.traffic / steps,
        "interconnect_bytes": cost.sent / steps,
        "network_bytes": cost.sent_between / steps,
        "scheduled_cycles": cost.schedules.cycles / steps if cost.schedules else None,
        "unknown_schedules": cost.schedules.unknown if cost.schedules else None,
        "seconds": {name: seconds / steps for name, seconds in bound.seconds.items()},
        "bound": {
            "seconds": run.seconds,
            "by": bound.by,
            "crops_per_second": run.crops_per_second,
            "share_of_peak": bound.share_of_peak,
        },
        "exchanges": [exchange._asdict() for exchange in cost.exchanges],
        "compile_seconds": cost.compile_seconds,
        "unknown_loops": cost.unknown_loops,
        "kernels": [{**kernel._asdict(), "total": kernel.total} for kernel in largest(list(cost.kernels), top)],
    }


def too_large(run: CompiledRun) -> str:
    """One line about a run that does not fit, with what would help."""
    config, chip = run.config, run.topology.chip
    advice = [
        *(["--precision bfloat16"] if config.precision != "bfloat16" else []),
        *([] if config.remat else ["--remat"]),
        *(["--shard-state"] if run.topology.size > 1 and not config.shard_state else []),
        *(["--accumulate"] if config.accumulate < config.batch_size // run.topology.size else []),
        *(["a smaller --photo-memory"] if config.photos_on_device else []),
        "a smaller --batch-size",
    ]
    need, has = (f"{size / _GIGA:.2f}" for size in (run.cost.memory.peak, chip.memory))
    return f"a step takes {need} GB of a {chip.name}'s {has}: try {', '.join(advice)} or more devices"


def _amount(value: float, unit: str) -> str:
    """Three digits and a prefix."""
    scale, prefix = next(((s, p) for s, p in _PREFIXES if value >= s), _PREFIXES[-1])
    return f"{value / scale:.3g} {prefix}{unit}"


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


def _exchanges(exchanges: Any) -> str:
    """Kinds, how many, and of how much."""
    kinds: dict[str, list[Collective]] = collections.defaultdict(list)
    for exchange in exchanges:
        kinds[exchange.kind].append(exchange)
    return ", ".join(
        f"{sum(one.times for one in same)} × {kind} of {_amount(sum(one.times * one.bytes for one in same), 'B')}"
        for kind, same in kinds.items()
    )


def _kernel(kernel: Kernel, bandwidth: float) -> str:
    milliseconds = 1e3 * kernel.total / bandwidth
    result = kernel.result if len(kernel.result) <= 48 else kernel.result[:45] + "…"
    return (
        f"{kernel.total / _GIGA:9.3f} GB  {milliseconds:7.3f} ms  {kernel.times:5d} × {kernel.operation} "
        f"{result}  {kernel.label[-90:]}"
    )
