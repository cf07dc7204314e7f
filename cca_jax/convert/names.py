"""A state dict of the released code to parameters and back, by the table of `parameter_map`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from cca_jax.config import ModelConfig
from cca_jax.convert.parameter_map import parameter_map, torch_shapes
from cca_jax.model.parameters.shapes import flatten

Params = dict[str, Any]
"""Nested dict of arrays, the `params` collection of `CCAModel`."""

AUXILIARY = "aux_entropymodel."
"""What the names of the auxiliary model's arrays begin with."""
_ROOTS = {
    *("g_a", "g_s", "h_a", "h_mean_s", "h_scale_s", "z_entropy_bottleneck", "gaussian_conditional", "aux_entropymodel"),
    *(f"{kind}_{part}_transforms" for kind in ("mean", "scale") for part in ("NAF", "cc")),
    "lrp_transforms",
    *("h_s", "entropy_bottleneck"),
}
"""What names begin with: the modules of the released code's model, and of CompressAI's hyperpriors."""
_WRAPPERS = frozenset({"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""What data parallelism, compilation and checkpointing put into names, anywhere."""
_BUFFER = re.compile(r"(^|\.)(_quantized_cdf|_offset|_cdf_length|scale_table|target|bound|pedestal|scale_bound)$")
_OLD_DENSITY = re.compile(r"(entropy_bottleneck\.)_(matrix|bias|factor)(\d)$")
_DENSITY = {"matrix": "matrices", "bias": "biases", "factor": "factors"}


def params_from_torch(
    state_dict: Mapping[str, np.ndarray], config: ModelConfig, *, auxiliary: bool | None = None
) -> Params:
    """Parameters of `CCAModel` from a state dict of the released code.

    Args:
        state_dict: names to arrays. Prefixes that wrappers add ("module.", "_orig_mod.", "model.", …, in any nesting),
            both CompressAI namings of the factorised density (`matrices.0` and `_matrix0`) and the released code's
            buffers (tables, bounds) are understood.
        config: the sizes the weights must have.
        auxiliary: whether to take the auxiliary model; None takes it where the state dict has one.

    Returns:
        The `params` collection, float32.

    Raises:
        ValueError: arrays missing, left over, of another shape than the config says, or with numbers that are not
            finite.
    """
    arrays = weights_by_name(state_dict)
    if auxiliary is None:
        auxiliary = any(name.startswith(AUXILIARY) for name in arrays)
    if not auxiliary:
        arrays = {name: value for name, value in arrays.items() if not name.startswith(AUXILIARY)}
    check_weights({name: np.shape(value) for name, value in arrays.items()}, config, auxiliary)
    params: Params = {}
    for entry in parameter_map(config, auxiliary):
        parts = [entry.layout.to_ours(_finite(name, arrays[name])) for name in entry.names]
        _set(params, entry.path, np.stack(parts).reshape(*entry.stacked, *parts[0].shape))
    return params


def torch_from_params(params: Params, config: ModelConfig) -> dict[str, np.ndarray]:
    """The inverse of `params_from_torch`: names and layouts of the released code. Serves gradients as well.

    Raises:
        ValueError: parameters that the released code has no place for.
    """
    arrays, result = flatten(params), {}
    for entry in parameter_map(config, "auxiliary" in params):
        array = np.asarray(arrays.pop("/".join(entry.path)))
        parts = array.reshape(len(entry.names), *array.shape[len(entry.stacked) :])
        result.update({name: entry.layout.to_torch(part) for name, part in zip(entry.names, parts, strict=True)})
    if arrays:
        raise ValueError(f"the released code has no place for {_shown(sorted(arrays))}")
    return result


def weights_by_name(named: Mapping[str, Any]) -> dict[str, Any]:
    """The weights among a state dict's entries, by the names of the model's modules; its buffers are left out.

    Raises:
        ValueError: two names become the same.
    """
    weights: dict[str, Any] = {}
    for theirs, value in named.items():
        name = normalize_name(theirs)
        if _BUFFER.search(name):
            continue
        if name in weights:
            raise ValueError(f"the state dict has {name} twice, once as {theirs}: name one set of weights")
        weights[name] = value
    return weights


def normalize_name(name: str) -> str:
    """A state-dict name as the model's modules have it, in today's naming of the factorised density."""
    _, rest = split_name(name.split("."))
    name = ".".join(part for part in rest if part not in _WRAPPERS)
    return _OLD_DENSITY.sub(lambda m: f"{m[1]}{_DENSITY[m[2]]}.{m[3]}", name)


def split_name(parts: Sequence[str]) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """A name's parts before the model's first module and from it on; None and all parts where it has no such one."""
    for first, part in enumerate(parts):
        if part in _ROOTS:
            return tuple(parts[:first]), tuple(parts[first:])
    return None, tuple(parts)


def check_weights(shapes: Mapping[str, tuple[int, ...]], config: ModelConfig, auxiliary: bool) -> None:
    """Raises ValueError unless these are exactly the names and shapes of the configuration's weights."""
    expected = torch_shapes(config, auxiliary)
    for what, names in (("lacks", set(expected) - set(shapes)), ("has unknown", set(shapes) - set(expected))):
        if names:
            raise ValueError(
                f"the state dict {what} {_shown(sorted(names))}: is it a CCA checkpoint, and does the configuration "
                "match its sizes?"
            )
    for name, shape in expected.items():
        if tuple(shapes[name]) != shape:
            raise ValueError(
                f"{name} has shape {tuple(shapes[name])}, the configuration needs {shape}: give the configuration "
                "that the weights were trained with"
            )


def old_name(name: str) -> str:
    """A name as CompressAI up to 1.2.6 has it, which later versions read too."""
    for then, now in _DENSITY.items():
        name = name.replace(f"entropy_bottleneck.{now}.", f"entropy_bottleneck._{then}")
    return name


def _shown(names: Collection[str]) -> str:
    first = list(names)[:4]
    return ", ".join(first) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _finite(name: str, array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # what overflows is refused below
        array = np.asarray(array, np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds numbers that are not finite: give a checkpoint from before training diverged")
    return array


def _set(tree: Params, path: tuple[str, ...], value: np.ndarray) -> None:
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    tree[path[-1]] = value
