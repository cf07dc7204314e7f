"""The kernels of `ops.gpu.fused` on the chip that is there: what they compute and how long, beside the compiler's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array

from bench.timing import summarize
from cca_jax.ops.gpu import blocks
from cca_jax.ops.gpu.fused import choice, trial
from cca_jax.ops.gpu.fused.naf_block import naf_block

PLANES = (
    (2, 4, 4, 16), (3, 12, 20, 240), (4, 8, 24, 48), (8, 16, 16, 224),
    (16, 128, 128, 192), (16, 64, 64, 224), (16, 32, 32, 256), (64, 64, 64, 64),
)  # fmt: skip
"""Images, rows, columns, channels: cut in every way there is; and `paper`'s three stages and `lite`'s largest."""
_WINDOWS, _RUNS = 5, 10


def compare_kernels(
    shape: tuple[int, int, int, int],
    fused: trial.Block = naf_block,
    plain: trial.Block = blocks.compiled_naf_block,
) -> dict[str, Any]:
    """A block and its gradients both ways.

    Args:
        shape: images, rows, columns, channels.
        fused: the block that is judged.
        plain: the one beside it.

    Returns:
        Median seconds of both, and for each the largest distance from float32 among the value and the gradients, as a
        share of the norm; or the error, where the kernels are not for this chip or do not compile.
    """
    params, x = trial.drawn_block(*shape)
    if fused is naf_block and not choice.takes(x):
        return {"error": f"the kernels are not for this chip, or {choice.SWITCH} turns them off"}
    exact = trial.exact_gradients(params, x)
    found: dict[str, Any] = {}
    for name, block in (("fused", fused), ("plain", plain)):
        run = trial.with_gradients(block)
        try:
            found[f"{name}_error"] = trial.distance(run(params, x, x), exact)
        except RuntimeError as error:  # of one kernel; the others are measured all the same
            return {"error": f"{name}: {str(error).strip().splitlines()[0][:200]}"}
        found[f"{name}_seconds"] = summarize([_seconds(run, params, x) for _ in range(_WINDOWS)]).median
    return {**found, "ratio": found["fused_seconds"] / found["plain_seconds"]}


def _seconds(run: Callable[[Any, Array, Array], Any], params: Any, x: Array) -> float:
    started = time.perf_counter()
    for _ in range(_RUNS):
        result = run(params, x, x)
    jax.block_until_ready(result)
    return (time.perf_counter() - started) / _RUNS
