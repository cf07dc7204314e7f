"""A stage of the transforms with more channels or more blocks that computes what it computed before.

New channels of the residual stream carry the mean of the old ones: what writes to the stream writes the mean of its
old outputs there. Then mean and centred sum of squares over the channels of a layer norm stay what they were, only the
number that the latter is divided by grows, which the norm's scale takes back; and the new channels themselves come out
of the norm as 0, so that what reads them there may begin with drawn weights, which sets them apart from each other as
they learn. What reads the stream without a norm has drawn weights for them that sum to 0: as long as they are equal,
that is nothing. Within a block, new channels are drawn and what reads them begins at 0. All of it is exact but for the
1e-6 under a norm's root.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

Arrays = dict[str, np.ndarray]


def widened_blocks(old: Mapping[str, np.ndarray], fresh: Mapping[str, np.ndarray]) -> Arrays:
    """The stacked blocks of one kind: NAFBlocks or ResidualBottlenecks.

    Args:
        old: arrays by their names within "blocks", stacked on a leading axis.
        fresh: the same, drawn, as wide and as many as they shall be; NAFBlocks as drawn (β = γ = 0) compute nothing.

    Returns:
        Arrays of the shapes of `fresh`.
    """
    result = {name: value.copy() for name, value in fresh.items()}
    count = len(next(iter(old.values())))
    first = {name: value[:count] for name, value in result.items()}  # views: what is written there is in the result
    (_widen_naf if "beta" in old else _widen_bottleneck)(old, first)
    return result


def with_mean_outputs(array: Float[np.ndarray, "*axes C"], channels: int) -> Float[np.ndarray, "*axes D"]:
    """A kernel or bias that writes to the stream, with the mean of its outputs in all that are new."""
    mean = array.mean(-1, keepdims=True)
    return np.concatenate([array, np.repeat(mean, channels - array.shape[-1], -1)], -1)


def with_deaf_inputs(kernel: Float[np.ndarray, "*axes I O"], at: int, count: int) -> Float[np.ndarray, "*axes J O"]:
    """A kernel with `count` new inputs before input `at`, which it does not read."""
    return np.insert(kernel, [at] * count, 0, axis=-2)


def with_balanced_inputs(
    kernel: Float[np.ndarray, "*axes I O"], drawn: Float[np.ndarray, "*axes J P"]
) -> Float[np.ndarray, "*axes J O"]:
    """A kernel that reads a stream, with new inputs that say nothing while they are equal: drawn, less their mean."""
    before, outputs = kernel.shape[-2:]
    new = drawn[..., before:, :outputs]
    return np.concatenate([kernel, new - new.mean(-2, keepdims=True) if new.size else new], -2)


def _widen_naf(old: Mapping[str, np.ndarray], new: Arrays) -> None:
    before, after = old["beta"].shape[-1], new["beta"].shape[-1]
    gated = np.concatenate([np.arange(before), after + np.arange(before)])  # a gate's halves stay its halves
    for half, factor in (("spatial", "beta"), ("channel", "gamma")):
        new[f"norm_{half}/scale"][:, :before] = old[f"norm_{half}/scale"] * np.sqrt(before / after)
        new[f"norm_{half}/bias"][:, :before] = old[f"norm_{half}/bias"]
        new[f"norm_{half}/bias"][:, before:] = 0
        new[f"expand_{half}/kernel"][..., :before, gated] = old[f"expand_{half}/kernel"]
        new[f"expand_{half}/bias"][:, gated] = old[f"expand_{half}/bias"]
        _widen_projection(old, new, f"project_{half}", factor)
    new["depthwise/kernel"][..., gated] = old["depthwise/kernel"]
    new["depthwise/bias"][:, gated] = old["depthwise/bias"]
    new["attention/kernel"][..., before:, :before] = 0
    new["attention/kernel"][..., :before, :before] = old["attention/kernel"]
    new["attention/bias"][:, :before] = old["attention/bias"]


def _widen_projection(old: Mapping[str, np.ndarray], new: Arrays, name: str, factor: str) -> None:
    """Back to the stream: of β times the kernel, new outputs are the mean, as of the bias."""
    factors, (before, after) = old[factor], (old[factor].shape[-1], new[factor].shape[-1])
    common = np.abs(factors).mean(-1, keepdims=True)  # of a block that computes nothing, 0
    new[factor][...] = np.concatenate([factors, np.repeat(common, after - before, -1)], -1)
    divisor = np.where(common == 0, 1, common)
    for leaf in ("kernel", "bias"):
        values = old[f"{name}/{leaf}"]
        shape = (len(values), *(1,) * (values.ndim - 2), -1)
        mean = (values * factors.reshape(shape)).mean(-1, keepdims=True) / divisor.reshape(shape)
        both = np.concatenate([values, np.repeat(mean, after - before, -1)], -1)
        if leaf == "kernel":
            both = with_deaf_inputs(both, before, after - before)
        new[f"{name}/{leaf}"][...] = both


def _widen_bottleneck(old: Mapping[str, np.ndarray], new: Arrays) -> None:
    before, after = old["expand/bias"].shape[-1], new["expand/bias"].shape[-1]
    half = before // 2
    new["reduce/kernel"][..., :half] = with_balanced_inputs(old["reduce/kernel"], new["reduce/kernel"])
    new["spatial/kernel"][..., :half] = with_deaf_inputs(old["spatial/kernel"], half, after // 2 - half)
    for name in ("reduce", "spatial"):
        new[f"{name}/bias"][..., :half] = old[f"{name}/bias"]
    expand = with_mean_outputs(old["expand/kernel"], after)
    new["expand/kernel"][...] = with_deaf_inputs(expand, half, after // 2 - half)
    new["expand/bias"][...] = with_mean_outputs(old["expand/bias"], after)
