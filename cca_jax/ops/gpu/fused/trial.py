"""Whether a block of these kernels computes what the definition says, on the chip that is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from cca_jax.ops.gpu.blocks import compiled_naf_block
from cca_jax.ops.gpu.fused.naf_block import naf_block

Block = Callable[[Any, Array], Array]
_TOLERANCE = 3
"""How many times as far from float32 as the compiler's kernels ours may be."""


def failure(channels: int, block: Block = naf_block, side: int = 16) -> str | None:
    """Why planes of so many channels had better be left to the compiler; None where there is no reason."""
    params, x = drawn_block(2, side, side, channels)
    exact = exact_gradients(params, x)
    try:
        ours = distance(with_gradients(block)(params, x, x), exact)
    except Exception as error:  # whatever a compiler raises
        return f"they do not compile ({str(error).strip().splitlines()[0][:120]})"
    theirs = distance(with_gradients(compiled_naf_block)(params, x, x), exact)
    if ours <= _TOLERANCE * max(theirs, 1e-3):
        return None
    return f"with {channels} channels they are {ours:.3g} from float32, the compiler's {theirs:.3g}"


def drawn_block(*shape: int) -> tuple[Mapping[str, Any], Array]:
    """Parameters of a block in which everything counts, and an input [B, H, W, C] in bfloat16."""
    generator = np.random.default_rng(0)

    def normal(*sides: int, scale: float = 0.2, mean: float = 0.0) -> Array:
        return jnp.asarray(mean + scale * generator.standard_normal(sides), jnp.float32)

    def dense(inputs: int, outputs: int) -> Mapping[str, Array]:
        return {"kernel": normal(1, 1, inputs, outputs, scale=inputs**-0.5), "bias": normal(outputs)}

    def norm() -> Mapping[str, Array]:
        return {"scale": normal(channels, mean=1.0), "bias": normal(channels)}

    channels = shape[-1]
    params = {
        "norm_spatial": norm(),
        "expand_spatial": dense(channels, 2 * channels),
        "depthwise": {"kernel": normal(3, 3, 2 * channels, scale=0.4), "bias": normal(2 * channels)},
        "attention": dense(channels, channels),
        "project_spatial": dense(channels, channels),
        "beta": normal(channels, mean=1.0),
        "norm_channel": norm(),
        "expand_channel": dense(channels, 2 * channels),
        "project_channel": dense(channels, channels),
        "gamma": normal(channels, mean=1.0),
    }
    return params, normal(*shape, scale=1.0).astype(jnp.bfloat16)


def exact_gradients(params: Any, x: Array) -> Any:
    """What `with_gradients` gives in float32, with x as cotangent, too."""
    wide = x.astype(jnp.float32)
    with jax.default_matmul_precision("highest"):
        return with_gradients(compiled_naf_block)(params, wide, wide)


def with_gradients(block: Block) -> Callable[[Any, Array, Array], Any]:
    """A program for a block's value and its gradients to parameters and input, of these and a cotangent."""

    def value_and_gradients(params: Any, x: Array, cotangent: Array) -> Any:
        value, pullback = jax.vjp(block, params, x)
        return value, pullback(cotangent)

    return jax.jit(value_and_gradients)


def distance(found: Any, exact: Any) -> float:
    """The largest distance among the arrays of two trees, as a share of the second's norm; NaN where one is."""

    def of(a: Array, b: Array) -> float:
        wide = np.asarray(b, np.float64)
        return float(np.linalg.norm(np.asarray(a, np.float64) - wide) / np.linalg.norm(wide))

    return float(np.max(jax.tree.leaves(jax.tree.map(of, found, exact))))
