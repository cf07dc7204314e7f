"""The one recurrence over slices and its one context rule (paper section 3.2).

A context rule says which decoded slices slice i is predicted from. That of the paper, "causal", gives it all before
it; "none" gives it no slice. The main model follows the rule as it is (skip = 0). The auxiliary model has skip = 1:
every slice does without the most recent slice of its context, and what that costs is what the CCA loss measures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.config import ModelConfig
from cca_jax.model.registry import Registry
from cca_jax.ops.scan import lean_scan

Prediction = TypeVar("Prediction")
ContextRule = Callable[[int], Sequence[int]]
"""A slice's number, from 0, to the numbers of the slices that it is predicted from, rising, all below its own."""

_RULES: Registry[ContextRule] = Registry("context rule", "cca_jax.register_context_rule")


def register_context_rule(name: str, rule: ContextRule) -> None:
    """Gives a context rule the name by which `ModelConfig.context_rule` chooses it.

    Args:
        name: anything that is not taken.
        rule: of a slice's number i from 0, the numbers of the slices before it that it is predicted from, rising.

    Raises:
        ValueError: the name is taken, or no name.
    """
    _RULES.register(name, rule)


def _causal(index: int) -> range:
    return range(index)


def _none(index: int) -> tuple[int, ...]:
    del index
    return ()


register_context_rule("causal", _causal)
register_context_rule("none", _none)
BUILT_IN_RULES = frozenset(_RULES.parts)


def context_rule_of(config: ModelConfig) -> ContextRule:
    """The rule that a configuration names; UnregisteredPartError where there is none."""
    return _RULES.get(config.context_rule)


def context_of(config: ModelConfig, index: int, skip: int) -> tuple[int, ...]:
    """The slices that slice `index` sees: those of the configuration's rule but the `skip` most recent, rising.

    Raises:
        ValueError: the rule is not causal.

    Examples:
        >>> [context_of(ModelConfig(), index, skip=0) for index in range(4)]
        [(), (0,), (0, 1), (0, 1, 2)]
        >>> [context_of(ModelConfig(), index, skip=1) for index in range(4)]
        [(), (), (0,), (0, 1)]
    """
    seen = tuple(context_rule_of(config)(index))
    if list(seen) != sorted(set(seen)) or any(not 0 <= other < index for other in seen):
        raise ValueError(
            f"the context rule {config.context_rule!r} predicts slice {index} from the slices {list(seen)}: they must "
            "rise and lie before it"
        )
    return seen[: max(0, len(seen) - skip)]


def reads_context(config: ModelConfig) -> bool:
    """Whether any slice is predicted from others."""
    return any(context_of(config, index, 0) for index in range(config.num_slices))


def seen_slices(config: ModelConfig, skip: int) -> tuple[int, ...]:
    """Which slices some other slice is predicted from, rising.

    Examples:
        >>> seen_slices(ModelConfig(), skip=0)
        (0, 1, 2, 3)
    """
    return tuple(sorted({seen for index in range(config.num_slices) for seen in context_of(config, index, skip)}))


def refined_slices(config: ModelConfig, skip: int) -> tuple[int, ...]:
    """Which slices get a residual prediction: all where they are synthesised, else those that some slice sees."""
    return tuple(range(config.num_slices)) if skip == 0 else seen_slices(config, skip)


def slice_recurrence(
    config: ModelConfig,
    skip: int,
    predict: Callable[[int, Sequence[Any]], Prediction],
    code: Callable[[int, Prediction], Any],
    refine: Callable[[int, Prediction, Any], Any],
    count: int | None = None,
) -> list[Any]:
    """Runs through the slices; training, compression, decompression and the auxiliary model all do it here.

    A decoded slice is what `refine` makes of it: its values where means are predicted, its surprises where tables are.

    Args:
        config: the model's sizes and its context rule.
        skip: of the context rule.
        predict: (slice, its context of decoded slices) to what is known of it.
        code: (slice, prediction) to what is coded of it, from the encoder's latent or from the decoder's stream.
        refine: (slice, prediction, what `code` gave) to the decoded slice.
        count: how many slices to run through; None runs through all.

    Returns:
        The decoded slices in order (those with a residual prediction: see `refined_slices`).
    """
    refined = refined_slices(config, skip)
    decoded: dict[int, Any] = {}  # arrays, or the shapes of such where a run is rehearsed
    for index in range(config.num_slices if count is None else count):
        context = [decoded[seen] for seen in context_of(config, index, skip)]
        _, value = _turn(index, context, predict, code, refine if index in refined else None)
        if index in refined:
            decoded[index] = value
    return list(decoded.values())


def slice_loop(
    config: ModelConfig,
    skip: int,
    predict: Callable[[Any, Sequence[Array]], Prediction],
    code: Callable[[Any, Prediction], Array],
    refine: Callable[[Any, Prediction, Array], Array],
    outputs_of: Callable[[Prediction], Any],
    shared: Any,
    own: Any,
    like: Float[Array, "B h w _"],
) -> tuple[list[Array], Any]:
    """The same recurrence as a loop of equal turns, for slices that were padded to one size: it compiles once.

    The functions are given (shared, what is the slice's own) in place of a slice's number, and a context of all slices
    that any slice sees. Those that are not decoded yet are zeros; those that the slice must not see are there, and must
    change nothing. Decoded slices are [B, h, w, m], with m the size of the largest.

    Args:
        config: the model's sizes and its context rule.
        skip: of the context rule.
        predict: as of `slice_recurrence`; like the others, it must not close over traced values.
        code: likewise.
        refine: likewise; every slice is given to it.
        outputs_of: of a prediction, a tree of what the caller wants.
        shared: a tree of arrays.
        own: a tree of arrays, [slices, ...].
        like: an array like the decoded slices, of any number of channels.

    Returns:
        The decoded slices as of `slice_recurrence`, and the outputs, [slices, ...].
    """
    sizes, seen = config.slice_sizes, seen_slices(config, skip)

    def advance(carry: Any, scanned: Any, _: None) -> tuple[Any, Any]:
        (shared, decoded), (number, own) = carry, scanned
        prediction, new = _turn((shared, own), decoded, predict, code, refine)
        kept = [
            jnp.where(number == index, new[..., : sizes[index]], old) for index, old in zip(seen, decoded, strict=True)
        ]
        return (shared, kept), (new, outputs_of(prediction))

    none_yet = [jnp.zeros((*like.shape[:-1], sizes[index]), like.dtype) for index in seen]
    numbers = jnp.arange(config.num_slices, dtype=jnp.float32)  # what is scanned has gradients
    _, (decoded, outputs) = lean_scan(advance, (shared, none_yet), (numbers, own))
    return [decoded[index, ..., : sizes[index]] for index in refined_slices(config, skip)], outputs


def _turn(
    of_slice: Any,
    context: Sequence[Any],
    predict: Callable[[Any, Sequence[Any]], Prediction],
    code: Callable[[Any, Prediction], Any],
    refine: Callable[[Any, Prediction, Any], Any] | None,
) -> tuple[Prediction, Any]:
    """A slice's prediction and the decoded slice; without `refine`, what was coded of it."""
    prediction = predict(of_slice, context)
    coded = code(of_slice, prediction)
    return prediction, coded if refine is None else refine(of_slice, prediction, coded)
