"""The GPU's kernels of our own are tried before a run relies on them."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp

from cca_jax.ops import platform
from cca_jax.ops.gpu.fused import choice
from train.recipe.config import TrainConfig


def try_kernels(config: TrainConfig, tell: Callable[[str], object]) -> None:
    """Computes a small block of each of the model's widths; where one is wrong, none is used in this process.

    It takes some seconds a width where nothing is compiled yet. All processes of a run find the same.

    Args:
        config: the run.
        tell: called with a line where they are not used.
    """
    if config.precision != "bfloat16" or not platform.on_gpu():
        return
    widths = sorted({*config.model.transform_channels, config.model.context_channels})
    for channels in widths:
        if choice.takes(jnp.zeros((1, 16, 16, channels), jnp.bfloat16)):
            from cca_jax.ops.gpu.fused.trial import failure  # loads Pallas

            if (reason := failure(channels)) is not None:
                choice.refuse(reason)
                tell(f"warning: the compiler's kernels are used, which are slower: ours fail here: {reason}")
                return
