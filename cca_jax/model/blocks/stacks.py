"""Runs of equal blocks, whose parameters are stacked: one `lax.scan`, so that they compile once.

What another platform than the CPU wants instead is chosen here (`ops.platform`); all compute the same function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.errors
import flax.linen as nn
import jax
from jaxtyping import Array

from cca_jax.model.blocks.layers import NAFBlock, Pointwise, ResidualBottleneck
from cca_jax.ops import platform
from cca_jax.ops.cpu import strip_blocks
from cca_jax.ops.cpu.strips import rows_in_strip
from cca_jax.ops.gpu import blocks
from cca_jax.ops.scan import lean_scan, turn_by_turn
from cca_jax.ops.tpu.image_groups import blocks_in_image_groups
from cca_jax.ops.valid_region import ValidRegion

_IN_STRIPS = {NAFBlock: strip_blocks.naf_block, ResidualBottleneck: strip_blocks.residual_bottleneck}
_ON_GPUS = {NAFBlock: blocks.naf_block, ResidualBottleneck: blocks.residual_bottleneck}

Loop = Callable[..., tuple[Array, Any]]
"""`lean_scan` or `turn_by_turn`."""
OneBlock = Callable[[Any, Array, ValidRegion | None], Array]
"""A block as a function of its parameters, x and the valid region."""


def rematerialized(module: type[nn.Module], in_scan: bool = False) -> type[nn.Module]:
    """The same module, whose backward pass keeps its inputs alone and computes what else it needs again."""
    return nn.remat(module, prevent_cse=not in_scan)  # within a scan nothing could be merged with the forward pass


def draw_stacked(module: nn.Module, template: nn.Module, count: int, x: Array, name: str | None = None) -> None:
    """Gives `module` the first parameters of `count` templates, stacked: under a name, or as its own."""
    keys = jax.random.split(module.make_rng("params"), count)
    stacked = jax.vmap(template.init, (0, None))(keys, x)["params"]
    for key, value in ({name: stacked} if name else stacked).items():
        module.put_variable("params", key, value)


def require_params(module: nn.Module, *names: str) -> None:
    """Raises flax's own error unless the module has parameters of these names."""
    for name in names:
        if not module.has_variable("params", name):
            raise flax.errors.ScopeParamNotFoundError(name, module.scope.path_text)


class BlockStack(nn.Module):
    """`count` blocks of one kind in a row; their parameters are stacked on a leading axis of length `count`.

    With `remat` the backward pass keeps only what enters each block and computes the rest again.
    """

    block: type[nn.Module]
    count: int
    remat: bool = False

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        if self.count == 0:
            return x
        if self.is_initializing():
            draw_stacked(self, self.block(parent=None), self.count, x, "blocks")
        require_params(self, "blocks")
        stacked = self.get_variable("params", "blocks")
        if region is None and platform.on_tpu():  # always as with `remat`
            plain = self.block(parent=None)
            return blocks_in_image_groups(lambda params, x: plain.apply({"params": params}, x), stacked, x)
        loop, block = self._for_coding(x, region) if region is not None else self._for_training()

        def turn(x: Array, params: Any, region: ValidRegion | None) -> tuple[Array, None]:
            return block(params, x, region), None

        return loop(turn, x, stacked, region)[0]

    def _for_coding(self, x: Array, region: ValidRegion) -> tuple[Loop, OneBlock]:
        """Where no gradient is taken, the CPU goes through large planes in strips."""
        in_strips = _IN_STRIPS.get(self.block) if platform.on_cpu() and not region.gradients else None
        rows = None if in_strips is None else rows_in_strip(*x.shape[1:3])
        if in_strips is not None and rows is not None:
            return lean_scan, lambda params, x, region: in_strips(params, x, region, rows)
        return turn_by_turn if region.gradients else lean_scan, self._defined()

    def _for_training(self) -> tuple[Loop, OneBlock]:
        """GPUs have blocks of their own, one after the other: a loop would copy what it keeps into stacks."""
        on_gpu = _ON_GPUS.get(self.block) if platform.on_gpu() else None
        if on_gpu is not None:
            whole = jax.checkpoint(on_gpu) if self.remat else on_gpu
            return turn_by_turn, lambda params, x, region: whole(params, x)
        return lean_scan, self._defined()

    def _defined(self) -> OneBlock:
        """As the block's module defines it."""
        block = (rematerialized(self.block, in_scan=True) if self.remat else self.block)(parent=None)
        return lambda params, x, region: block.apply({"params": params}, x, region)


class NAFStack(nn.Module):
    """1×1 to `width`, `count` NAFBlocks with one skip over all of them, 1×1 to `features`."""

    features: int
    width: int
    count: int

    @nn.compact
    def __call__(self, x: Array, region: ValidRegion | None = None) -> Array:
        narrow = Pointwise(self.width, name="enter")(x)
        blocks = BlockStack(NAFBlock, self.count, name="naf")(narrow, region)
        return Pointwise(self.features, name="leave")(narrow + blocks)
