"""The kernels of `ops.gpu.fused` on the chip that is there: what they compute and how long, beside the compiler's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from bench.timing import summarize
from cca_jax.model.blocks.layers import NAFBlock
from cca_jax.ops.gpu import blocks
from cca_jax.ops.gpu.fused import takes
from cca_jax.ops.gpu.fused.naf_block import naf_block

PLANES = ((16, 128, 128, 192), (16, 64, 64, 224), (16, 32, 32, 256), (64, 64, 64, 64))
"""Of `paper`'s three stages and of `lite`'s largest: images, rows, columns, channels."""
_WINDOWS, _RUNS = 5, 10

Block = Callable[[Any, Array], Array]


def compare_kernels(
    shape: tuple[int, int, int, int], fused: Block = naf_block, plain: Block = blocks.compiled_naf_block
) -> dict[str, Any]:
    """A block and its gradients both ways.

    Args:
        shape: images, rows, columns, channels.
        fused: the block that is judged.
        plain: the one beside it, which also computes in float32.

    Returns:
        Median seconds of both, and for each the largest distance from float32 among the value and the gradients, as a
        share of the norm.
    """
    x = jax.random.normal(jax.random.key(0), shape, jnp.bfloat16)
    if fused is naf_block and not takes(x):
        return {"error": "the kernels are not for this chip"}
    params = NAFBlock().init(jax.random.key(1), x)["params"]
    params = jax.tree.map(lambda leaf: leaf + 0.1 * jax.random.normal(jax.random.key(leaf.size), leaf.shape), params)
    exact = _with_gradients(plain)(params, x.astype(jnp.float32), x.astype(jnp.float32))
    found: dict[str, Any] = {}
    for name, block in (("fused", fused), ("plain", plain)):
        run = _with_gradients(block)
        found[f"{name}_error"] = _distance(run(params, x, x), exact)
        found[f"{name}_seconds"] = summarize([_seconds(run, params, x) for _ in range(_WINDOWS)]).median
    return {**found, "ratio": found["fused_seconds"] / found["plain_seconds"]}


def _with_gradients(block: Block) -> Callable[[Any, Array, Array], Any]:
    def value_and_gradients(params: Any, x: Array, cotangent: Array) -> Any:
        value, pullback = jax.vjp(block, params, x)
        return value, pullback(cotangent)

    return jax.jit(value_and_gradients)


def _distance(found: Any, exact: Any) -> float:
    def of(a: Array, b: Array) -> float:
        wide = np.asarray(b, np.float64)
        return float(np.linalg.norm(np.asarray(a, np.float64) - wide) / np.linalg.norm(wide))

    return max(jax.tree.leaves(jax.tree.map(of, found, exact)))


def _seconds(run: Callable[[Any, Array, Array], Any], params: Any, x: Array) -> float:
    started = time.perf_counter()
    for _ in range(_RUNS):
        result = run(params, x, x)
    jax.block_until_ready(result)
    return (time.perf_counter() - started) / _RUNS
