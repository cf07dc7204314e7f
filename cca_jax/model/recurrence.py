"""The one recurrence over slices and its one context rule (paper section 3.2).

Slice i is predicted from the decoded slices 0 … i-1-skip. The main model has skip = 0; the auxiliary model has
skip = 1: it does without the most recent slice, and what that costs is what the CCA loss measures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Prediction = TypeVar("Prediction")


def context_length(index: int, skip: int) -> int:
    """How many decoded slices slice `index` (from 0) sees: all before it but the `skip` most recent.

    Examples:
        >>> [context_length(index, skip=0) for index in range(5)]
        [0, 1, 2, 3, 4]
        >>> [context_length(index, skip=1) for index in range(5)]
        [0, 0, 1, 2, 3]
    """
    return max(0, index - skip)


def refined_slices(num_slices: int, skip: int) -> int:
    """How many slices get a residual prediction: all where they are synthesised, else those some slice sees."""
    return num_slices if skip == 0 else context_length(num_slices - 1, skip)


def slice_recurrence(
    num_slices: int,
    skip: int,
    predict: Callable[[int, Sequence[Any]], Prediction],
    code: Callable[[int, Prediction], Any],
    refine: Callable[[int, Prediction, Any], Any],
) -> list[Any]:
    """Runs through the slices; training, compression, decompression and the auxiliary model all do it here.

    A decoded slice is what `refine` makes of it: its values where means are predicted, its surprises where tables are.

    Args:
        num_slices: how many.
        skip: of the context rule.
        predict: (slice, its context of decoded slices) to what is known of it.
        code: (slice, prediction) to what is coded of it, from the encoder's latent or from the decoder's stream.
        refine: (slice, prediction, what `code` gave) to the decoded slice.

    Returns:
        The decoded slices in order (those with a residual prediction: see `refined_slices`).
    """
    decoded: list[Any] = []  # arrays, or the shapes of such where a run is rehearsed
    for index in range(num_slices):
        prediction = predict(index, decoded[: context_length(index, skip)])
        coded = code(index, prediction)
        if index < refined_slices(num_slices, skip):
            decoded.append(refine(index, prediction, coded))
    return decoded
