"""First parameters of an auxiliary model beside a main model that has learned.

Drawn afresh it would say nothing of what a slice could do without: its rate lies far above the main model's, and the
CCA term's gradient (paper section 3.3) is noise that can make a run diverge. The main model's own slice networks,
without the channels that read the most recent slice, are where it begins instead: there R_aux - R_y is at once about
what that slice tells the main model.
"""

from __future__ import annotations

import numpy as np

from cca_jax.config import ModelConfig
from cca_jax.model.slices import refined_slices

AUXILIARY = "auxiliary/"
"""What the names of the auxiliary model's parameters begin with."""

_INPUTS, _OUTPUTS = -2, -1  # axes of a kernel; a bias has the second
_CONTEXT_AXES = {
    ("predictors", "stack/enter/kernel"): _INPUTS,
    ("predictors", "stack/leave/kernel"): _OUTPUTS,
    ("predictors", "stack/leave/bias"): _OUTPUTS,
    ("predictors", "head/first/kernel"): _INPUTS,
    ("residual_heads", "first/kernel"): _INPUTS,
}
"""The parameters that have an axis of the context's channels, μ_h's and those of the slices seen, and that axis."""


def auxiliary_from_main(main: dict[str, np.ndarray], config: ModelConfig) -> dict[str, np.ndarray]:
    """The auxiliary model's parameters, as far as the main model has such.

    Args:
        main: the main model's parameters by name.
        config: the model's sizes.

    Returns:
        Copies by the auxiliary model's names, in its shapes; for a slice that sees nothing less than the main model's,
        the very numbers. The factorised density of y is not among them: the main model has none.
    """
    found = {}
    for name, value in main.items():
        room, _, rest = name.partition("/")
        if room == "exact_scales":
            found[AUXILIARY + name] = value.copy()
        elif room == "slices":
            network, _, parameter = rest.partition("/")
            kind, _, number = network.rpartition("_")
            if kind == "predictors" or int(number) < refined_slices(config.num_slices, skip=1):
                found[AUXILIARY + name] = _without_latest(value, kind, parameter, int(number), config)
    return found


def _without_latest(value: np.ndarray, kind: str, parameter: str, index: int, config: ModelConfig) -> np.ndarray:
    """A parameter of slice number `index`, from 0, without the context's channels of the slice before it."""
    axis = _CONTEXT_AXES.get((kind, parameter))
    if axis is None or index == 0:
        return value.copy()
    first, last = (config.latent_channels + edge for edge in config.slice_edges[index - 1 : index + 1])
    return np.delete(value, np.s_[first:last], axis)
