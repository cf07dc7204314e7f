"""What only a CPU wants (`cca_jax.ops.cpu`) beside the plain definitions: does each lowering still pay?

A plain definition is what the same function is traced to where the program is not for the CPU; strips stand beside the
whole plane, with all else as the CPU wants it. Plane sizes and channels are those of preset `lite`.
"""

from __future__ import annotations

import dataclasses
import functools
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from jax.stages import Compiled

from bench.timing import Timing, alternate, once, summarize
from cca_jax.model.blocks.layers import NAFBlock
from cca_jax.ops import platform
from cca_jax.ops.cpu.strip_blocks import naf_block
from cca_jax.ops.cpu.strips import rows_in_strip
from cca_jax.ops.layers.convolution import conv2d, depthwise_conv2d, transposed_conv2d
from cca_jax.ops.layers.normalization import layer_norm
from cca_jax.ops.precision import sum_over_positions
from cca_jax.ops.valid_region import ValidRegion

_COMPILATIONS = 2  # that count, of each program: the faster is taken


@dataclasses.dataclass(frozen=True)
class Case:
    """What is timed.

    Attributes:
        name: the lowering, and on what.
        function: chooses the lowering while it is traced for the CPU.
        inputs: of the function.
        gradients: whether those to all inputs are computed too, as in training.
        plain: the plain definition, where it is another function; traced for the CPU as well.
    """

    name: str
    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    gradients: bool = True
    plain: Callable[..., Any] | None = None

    @functools.cached_property
    def arguments(self) -> tuple[Any, Any]:
        """Of the programs: the inputs, and the cotangent that gradients are pulled back from."""
        return self.inputs, normal(*jax.eval_shape(self.function, *self.inputs).shape) if self.gradients else None


@dataclasses.dataclass(frozen=True)
class LoweringFigures:
    """Of one case.

    Attributes:
        plain, lowered: seconds of a run of the plain definition and of the lowering.
        ratio: lowered by plain, median of the pairs: below 1 the lowering pays.
        plain_compile, lowered_compile: the compiler's seconds for each.
    """

    plain: Timing
    lowered: Timing
    ratio: float
    plain_compile: float
    lowered_compile: float


def normal(*shape: int) -> jax.Array:
    """The same numbers for the same shape."""
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)


def cases(batch: int = 8, crop: int = 256) -> Iterator[Case]:
    """Every lowering, at the places of `lite` where a training step (strips: coding) of such crops meets it.

    Args:
        batch: crops of a step. Taps come with few positions: for them it is half of it (hyper) and one crop (latent).
        crop: their side, a multiple of 64.
    """
    quarter, eighth, latent = (crop // factor for factor in (4, 8, 16))
    hyper, half = crop // 64, max(1, batch // 2)
    for side, inputs, outputs in ((quarter, 32, 32), (eighth, 48, 48), (latent, 288, 24)):
        name = f"kernel gradient 3×3, {side}²×{inputs} to {outputs}"
        yield Case(name, conv2d, (normal(batch, side, side, inputs), normal(3, 3, inputs, outputs)))
    kernels = normal(2, 3, 3, 48, 48) / 20  # as those of repeated blocks
    yield Case(f"the same in a scan of 2, {eighth}²×48", _scanned, (normal(batch, eighth, eighth, 48), kernels))
    halving, doubling = partial(conv2d, stride=2), partial(transposed_conv2d, stride=2)
    for side, channels in ((quarter, 128), (eighth, 192)):
        plane, kernel = normal(batch, side, side, channels), normal(3, 3, channels)
        yield Case(f"kernel gradient depthwise, {side}²×{channels}", depthwise_conv2d, (plane, kernel))
        yield Case(f"padding, depthwise forward, {side}²×{channels}", depthwise_conv2d, (plane, kernel), False)
    for crops, side, inputs, outputs in ((half, hyper, 76, 48), (1, latent, 96, 288)):
        wide, narrow = normal(crops, 2 * side, 2 * side, inputs), normal(crops, side, side, outputs)
        name = f"{crops} × {side}²×{outputs}"
        yield Case(f"taps, conv to {name}", halving, (wide, normal(5, 5, inputs, outputs)))
        yield Case(f"taps, transposed conv of {name}", doubling, (narrow, normal(5, 5, outputs, inputs)))
    yield Case(f"sum of rows, {crop // 2}²×32", sum_over_positions, (normal(batch, crop // 2, crop // 2, 32),), False)
    for side, channels in ((quarter, 64), (eighth, 96)):
        name, factors = f"layer norm's sums, {side}²×{channels}", normal(channels)
        yield Case(name, layer_norm, (normal(batch, side, side, channels), factors, factors))
    yield _strips(crop // 2, 3 * crop // 4, 64)


def _scanned(x: jax.Array, kernels: jax.Array) -> jax.Array:
    return jax.lax.scan(lambda x, kernel: (conv2d(x, kernel), None), x, kernels)[0]


def _strips(height: int, width: int, channels: int) -> Case:
    plane = normal(1, height, width, channels)
    shapes = jax.eval_shape(NAFBlock().init, jax.random.key(0), plane)["params"]
    params = jax.tree.map(lambda leaf: 0.1 * normal(*leaf.shape), shapes)
    bucket, rows = (height // 16, width // 16), rows_in_strip(height, width) or 8
    inputs = (params, plane, ValidRegion(jnp.array(bucket, jnp.int32), bucket))
    name, in_strips = f"strips of a NAFBlock, {width}×{height}×{channels}", partial(naf_block, rows=rows)
    return Case(name, in_strips, inputs, False, lambda params, *rest: NAFBlock().apply({"params": params}, *rest))


def compiled(case: Case, lowered: bool) -> tuple[float, Compiled]:
    """The compiler's seconds for one of the two variants, and the program."""
    function = case.function if lowered or case.plain is None else case.plain

    def run(inputs: Any, cotangent: Any) -> Any:  # a new function each time, of which JAX remembers nothing
        value, pullback = jax.vjp(function, *inputs) if case.gradients else (function(*inputs), None)
        return value, pullback and pullback(cotangent)

    with mock.patch.object(platform, "on_cpu", return_value=lowered or case.plain is not None):
        program = jax.jit(run).lower(*case.arguments)
    return once(program.compile)


def time_lowering(case: Case, repetitions: int) -> LoweringFigures:
    """Compiles both variants in turn, and then runs them in turn."""
    variants = alternate([partial(compiled, case, lowered) for lowered in (False, True)], _COMPILATIONS)
    compiling = [min(seconds for seconds, _ in repetitions) for repetitions in variants]
    programs = [repetitions[0][1] for repetitions in variants]
    runs = [lambda program=program: once(lambda: program(*case.arguments))[0] for program in programs]
    plain, lowered = alternate(runs, repetitions)
    ratio = statistics.median(one / other for one, other in zip(lowered, plain, strict=True))
    return LoweringFigures(summarize(plain), summarize(lowered), ratio, *compiling)
