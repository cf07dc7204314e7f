"""A model that has learned, extended to more channels, blocks, rates or context: it goes on from what it knows.

What can grow: the transforms' last stage and the numbers of NAFBlocks (`train.init.widen`), the latent's last slice,
the rates, and an integer network that begins to read decoded slices. One that reads them may also stop to, which alone
changes its tables: then what is left was learned beside branches that are gone. At the rates that both have, the
picture of the extended model is the source's, as exactly as said where each part is extended.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from cca_jax.config import ModelConfig
from cca_jax.model.integer_network.arithmetic import FRACTION_BITS
from cca_jax.model.parameters.shapes import AUXILIARY
from cca_jax.model.parts.chosen import are_the_papers
from cca_jax.ops.likelihoods.scales import INDEX_STEP
from train.init.widen import Arrays, widened_blocks, with_balanced_inputs, with_deaf_inputs, with_mean_outputs

_NEW_GAIN = 0.15
"""Of the kernels that new latent channels are drawn with, beside those of the last slice."""
_NEW_INDEX = 7
"""Table of a new latent channel at the source's highest rate: its symbols are hardly ever other than 0 there."""


def differences(source: ModelConfig, target: ModelConfig) -> list[str]:
    """In what the target differs from the source, as text; empty where nothing can be extended.

    Args:
        source: sizes of the parameters that exist.
        target: sizes of those that are wanted.
    """
    parts = []
    for name, what in (("transform_channels", "transform channels"), ("encoder_blocks", "encoder blocks"),
                       ("transform_blocks", "decoder blocks"), ("slice_sizes", "latent channels"),
                       ("rate_weights", "rate weights"), ("scale_source", "scales")):  # fmt: skip
        before, after = getattr(source, name), getattr(target, name)
        if before != after:
            parts.append(f"{what} {_text(before)} to {_text(after)}")
    return parts


def extended(main: Mapping[str, np.ndarray], source: ModelConfig, target: ModelConfig, fresh: Arrays) -> Arrays:
    """The main model's parameters, extended as far as the rules of this module go.

    Args:
        main: the source's, by name; an auxiliary model's are left out.
        source: its sizes.
        target: the sizes to extend it to.
        fresh: drawn parameters of the target, by name.

    Returns:
        By name; what no rule covers keeps the source's shape, for the caller to refuse.
    """
    arrays = {n: np.array(v, np.float32) for n, v in main.items() if not n.startswith(AUXILIARY)}
    if not (are_the_papers(source) and are_the_papers(target)):
        return _with_rates(arrays, source, target)
    before, after = source.transform_channels[-1], target.transform_channels[-1]
    if source.transform_channels[:-1] == target.transform_channels[:-1] and before <= after:
        _extend_stages(arrays, fresh, after)
    sizes = source.slice_sizes, target.slice_sizes
    grows = sizes[0][:-1] == sizes[1][:-1] and sizes[0][-1] < sizes[1][-1]
    if grows and source.exact_scales and source.rate_weights:
        _extend_latent(arrays, fresh, source, sizes[1][-1] - sizes[0][-1])
    _with_rates(arrays, source, target)
    for name, value in fresh.items():
        if name.startswith("exact_scales/context_") and source.scale_source == "hyperprior_exact":
            arrays[name] = value.copy()
    if (source.scale_source, target.scale_source) == ("context_exact", "hyperprior_exact"):
        arrays = {name: value for name, value in arrays.items() if not name.startswith("exact_scales/context_")}
    return arrays


def _text(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return ", ".join(f"{number:g}" for number in value)


def _extend_stages(arrays: Arrays, fresh: Arrays, channels: int) -> None:
    """More channels in the last stage, more NAFBlocks in any: a stage without blocks gets those that are drawn."""
    for name in ("analysis/down_2", "synthesis/up_0"):
        for leaf in ("kernel", "bias"):
            arrays[f"{name}/{leaf}"] = with_mean_outputs(arrays[f"{name}/{leaf}"], channels)
    for name in ("analysis/down_3/kernel", "synthesis/up_1/kernel"):
        arrays[name] = with_balanced_inputs(arrays[name], fresh[name])
    stages = {n.split("/blocks/")[0] for n in fresh if n.startswith(("analysis/", "synthesis/")) and "/blocks/" in n}
    for stage in stages:
        prefix = f"{stage}/blocks/"
        drawn = {n.removeprefix(prefix): v for n, v in fresh.items() if n.startswith(prefix)}
        known = {n.removeprefix(prefix): v for n, v in arrays.items() if n.startswith(prefix)}
        if not known and "beta" in drawn:
            arrays.update({prefix + n: v.copy() for n, v in drawn.items()})
        elif known and len(next(iter(known.values()))) <= len(next(iter(drawn.values()))):
            arrays.update({prefix + n: v for n, v in widened_blocks(known, drawn).items()})


def _extend_latent(arrays: Arrays, fresh: Arrays, source: ModelConfig, added: int) -> None:
    """New channels at the end of the last slice, predicted as 0, that nothing but their own coding sees at first."""
    channels, last = source.latent_channels, source.num_slices - 1
    _draw_analysis(arrays, fresh, source, added)
    integers = ("exact_scales/last", f"exact_scales/context_{last}/last")
    heads = (f"slices/predictors_{last}/head/last", f"slices/residual_heads_{last}/last")
    for name in ("hyper_mean_synthesis/last", *heads, *integers):
        for leaf in ("kernel", "bias"):
            if (array := arrays.get(f"{name}/{leaf}")) is not None:
                arrays[f"{name}/{leaf}"] = np.concatenate([array, np.zeros((*array.shape[:-1], added), np.float32)], -1)
    for name in ("hyper_analysis/first/kernel", "synthesis/up_0/kernel"):
        arrays[name] = with_deaf_inputs(arrays[name], channels, added)
    for index in range(source.num_slices):
        stack, residual = f"slices/predictors_{index}/stack", f"slices/residual_heads_{index}/first/kernel"
        for name in (f"{stack}/enter/kernel", f"slices/predictors_{index}/head/first/kernel", residual):
            arrays[name] = with_deaf_inputs(arrays[name], channels, added)
        for leaf in ("kernel", "bias"):  # as many features as inputs: the new ones are read by nobody yet
            drawn = fresh[f"{stack}/leave/{leaf}"][..., channels : channels + added]
            before, after = np.split(arrays[f"{stack}/leave/{leaf}"], [channels], -1)
            arrays[f"{stack}/leave/{leaf}"] = np.concatenate([before, drawn, after], -1)
    name = f"slices/residual_heads_{last}/first/kernel"
    arrays[name] = with_deaf_inputs(arrays[name], arrays[name].shape[-2], added)
    own = arrays["rates/log_step"][:, source.slice_edges[-2] :].mean(-1, keepdims=True)
    arrays["rates/log_step"] = np.concatenate([arrays["rates/log_step"], np.repeat(own, added, -1)], -1)
    # In the unit of all rates; it is lowered by ln Δ afterwards.
    table = _NEW_INDEX + float(own[-1, 0]) / INDEX_STEP
    arrays["exact_scales/last/bias"][-added:] = table / 2**FRACTION_BITS


def _draw_analysis(arrays: Arrays, fresh: Arrays, source: ModelConfig, added: int) -> None:
    """The analysis of new latent channels: small, and blind to what does not change from place to place."""
    kernel, bias = arrays["analysis/down_3/kernel"], arrays["analysis/down_3/bias"]
    drawn = fresh["analysis/down_3/kernel"][:, :, : kernel.shape[2], -added:]
    drawn = drawn - drawn.mean((0, 1), keepdims=True)
    drawn = drawn * (_NEW_GAIN * kernel[..., source.slice_edges[-2] :].std() / drawn.std())
    arrays["analysis/down_3/kernel"] = np.concatenate([kernel, drawn], -1)
    arrays["analysis/down_3/bias"] = np.concatenate([bias, np.zeros(added, np.float32)])


def _with_rates(arrays: Arrays, source: ModelConfig, target: ModelConfig) -> Arrays:
    """At the target's rates, where both have several."""
    if source.rate_weights and target.rate_weights and source.rate_weights != target.rate_weights:
        _extend_rates(arrays, source.rate_weights, target.rate_weights)
    return arrays


def _extend_rates(arrays: Arrays, before: tuple[float, ...], after: tuple[float, ...]) -> None:
    """Step sizes at other rates, and the integer network in the unit that these give its input.

    Its input is multiplied by the change of √λ̄ (`integer_network.rate`), its first kernel divided by that and
    rounded again to its grid: table indexes differ by what this rounds, and where the input is clipped.
    """
    arrays["rates/log_step"] = extended_steps(arrays["rates/log_step"], before, after)
    if (kernel := arrays.get("exact_scales/first/kernel")) is not None:
        middles = [math.sqrt(weights[0] * weights[-1]) for weights in (before, after)]
        arrays["exact_scales/first/kernel"] = (kernel * math.sqrt(middles[1] / middles[0])).astype(np.float32)


def extended_steps(
    log_steps: Float[np.ndarray, "K M"], before: tuple[float, ...], after: tuple[float, ...]
) -> Float[np.ndarray, "L M"]:
    """Logarithms of the step sizes at other rate weights, channel by channel.

    Between two known rates they are interpolated in ln λ, beyond them continued in ½ ln λ, as steps begin.

    Args:
        log_steps: at the known rate weights.
        before: these, falling.
        after: the wanted ones.
    """
    known, wanted = (0.5 * np.log(np.array(weights)) for weights in (before, after))
    inside = np.clip(wanted, known[-1], known[0])
    rows = np.stack([np.interp(inside, known[::-1], channel[::-1]) for channel in log_steps.T.astype(np.float64)], -1)
    return (rows + (wanted - inside)[:, None]).astype(np.float32)
