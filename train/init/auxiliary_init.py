"""First parameters of an auxiliary model beside a main model that has learned.

Drawn afresh it would say nothing of what a slice could do without: its rate lies far above the main model's, and the
CCA term's gradient (paper section 3.3) is noise that can make a run diverge. It begins as the main model's own slice
networks with everything kept but the weights that read the most recent slice: there R_aux - R_y is at once what that
slice tells the main model. Its factorised density of y, which the main model has nothing like, stays as drawn.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cca_jax.config import ModelConfig
from cca_jax.model.parameters.shapes import AUXILIARY
from cca_jax.model.parts.chosen import PAPER_ENTROPY_MODEL
from cca_jax.model.recurrence import context_of, refined_slices

_SMALLEST = 1e-6  # singular value, of the largest: what lies below is float32's rounding


def auxiliary_from_main(main: dict[str, np.ndarray], config: ModelConfig) -> dict[str, np.ndarray]:
    """The auxiliary model's parameters, as far as the main model has such.

    Args:
        main: the main model's parameters by name.
        config: the model's sizes.

    Returns:
        Copies by the auxiliary model's names, in its shapes; all but those of its factorised density.
    """
    initial = {AUXILIARY + name: value for name, value in _integers_of(main, config).items()}
    if config.entropy_model != PAPER_ENTROPY_MODEL:  # of networks that are not known here
        return initial
    refined = refined_slices(config, skip=1)
    for index in range(config.num_slices):
        predictor, residual = _networks_of(main, index)
        if (lost := _lost(config, index)).start < lost.stop:
            inputs = slice(*(config.latent_channels + edge for edge in (lost.start, lost.stop)))
            predictor, residual = _without_inputs(predictor, residual, inputs)
        initial |= {f"{AUXILIARY}slices/predictors_{index}/{name}": value for name, value in predictor.items()}
        if index in refined:
            initial |= {f"{AUXILIARY}slices/residual_heads_{index}/{name}": value for name, value in residual.items()}
    return initial


def _integers_of(main: dict[str, np.ndarray], config: ModelConfig) -> dict[str, np.ndarray]:
    """Copies of the integer network, whose branches lose what read the surprises of the most recent slice."""
    own = {name: value.copy() for name, value in main.items() if name.startswith("exact_scales/")}
    for index in range(1, config.num_slices):
        prefix = f"exact_scales/context_{index}/"
        branch = [name for name in own if name.startswith(prefix)]
        if branch and not context_of(config, index, skip=1):
            own = {name: value for name, value in own.items() if name not in branch}
        elif branch:
            own[f"{prefix}symbols/kernel"] = np.delete(own[f"{prefix}symbols/kernel"], _lost(config, index), axis=-2)
    return own


def _networks_of(main: dict[str, np.ndarray], index: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Copies of a slice's predictor and of its residual head, by the names within them."""
    prefixes = f"slices/predictors_{index}/", f"slices/residual_heads_{index}/"
    predictor, residual = (
        {name.removeprefix(prefix): value.copy() for name, value in main.items() if name.startswith(prefix)}
        for prefix in prefixes
    )
    return predictor, residual


def _lost(config: ModelConfig, index: int) -> slice:
    """The channels of slice `index`'s context that the auxiliary model does without: those of its most recent slice."""
    seen, kept = (sum(config.slice_sizes[other] for other in context_of(config, index, skip)) for skip in (0, 1))
    return slice(kept, seen)


def _without_inputs(
    predictor: dict[str, np.ndarray], residual: dict[str, np.ndarray], channels: slice
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Both networks of a slice without these channels of their inputs, the last of its context.

    As many features have to go, since there are as many as channels of the context. But all features are affine
    functions of the stack's `width` channels: those that go are linear in those that stay, and what the heads read of
    them they can read of these.
    """
    weights, bias = predictor["stack/leave/kernel"][..., 0, 0, :, :], predictor["stack/leave/bias"][..., None, :]
    features = np.concatenate([weights, bias], axis=-2)
    lost = _of_the_others(features, channels)
    predictor["stack/enter/kernel"] = np.delete(predictor["stack/enter/kernel"], channels, axis=-2)
    for name in ("stack/leave/kernel", "stack/leave/bias"):
        predictor[name] = np.delete(predictor[name], channels, axis=-1)
    predictor["head/first/kernel"] = _reading_others(predictor["head/first/kernel"], channels, lost)
    of_the_mean = lost[0] if lost.ndim > 2 else lost  # whose features the residual head reads
    residual["first/kernel"] = _reading_others(residual["first/kernel"], channels, of_the_mean)
    return predictor, residual


def _of_the_others(features: Float[np.ndarray, "*n W C"], channels: slice) -> Float[np.ndarray, "*n K R"]:
    """The removed columns as combinations of the kept ones, exact where their rank is that of all columns."""
    kept, removed = np.delete(features, channels, axis=-1), features[..., channels]
    return np.linalg.pinv(kept.astype(np.float64), _SMALLEST) @ removed


def _reading_others(
    kernel: Float[np.ndarray, "*n H V I O"], channels: slice, lost: Float[np.ndarray, "*n K R"]
) -> Float[np.ndarray, "*n H V J O"]:
    """A kernel whose inputs `channels` are gone and which reads them, as combinations, of the first K others."""
    read = np.einsum("...kr,...hvro->...hvko", lost, kernel[..., channels, :])
    kernel = np.delete(kernel, channels, axis=-2)
    kernel[..., : lost.shape[-2], :] += read.astype(kernel.dtype)
    return kernel
