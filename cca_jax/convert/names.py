"""PyTorch weights of the released code to ours and back.

One table (`parameter_map`) says for every array of ours which array or arrays of a state dict it holds and how the axes
lie; both directions and the verification of gradients follow it. Names and layouts: the released code's state dict.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from cca_jax.config import ModelConfig
from cca_jax.model.parameters.shapes import check_shapes, flatten
from cca_jax.model.slices import refined_slices

Params = dict[str, Any]
"""Nested dict of arrays, the `params` collection of `CCAModel`."""


class Layout(NamedTuple):
    """How one array lies in PyTorch and here."""

    to_ours: Callable[[np.ndarray], np.ndarray]
    to_torch: Callable[[np.ndarray], np.ndarray]


_SAME = Layout(lambda a: a, lambda a: a)
_CONV = Layout(lambda a: a.transpose(2, 3, 1, 0), lambda a: a.transpose(3, 2, 0, 1))
_TRANSPOSED = Layout(lambda a: a.transpose(2, 3, 0, 1), lambda a: a.transpose(2, 3, 0, 1))
_DEPTHWISE = Layout(lambda a: a[:, 0].transpose(1, 2, 0), lambda a: a.transpose(2, 0, 1)[:, None])
_PER_CHANNEL = Layout(lambda a: a[0, :, 0, 0], lambda a: a[None, :, None, None])
_COLUMN = Layout(lambda a: a[:, :, 0], lambda a: a[:, :, None])
_QUANTILES = Layout(lambda a: a[:, 0], lambda a: a[:, None])


class Entry(NamedTuple):
    """One array of ours.

    Attributes:
        path: keys from the root of the parameters.
        names: PyTorch names of the arrays it holds: one, or as many as are stacked, in the order of the leading axes.
        layout: how the axes of each lie.
        stacked: the leading axes, () where there is one array.
    """

    path: tuple[str, ...]
    names: tuple[str, ...]
    layout: Layout
    stacked: tuple[int, ...] = ()


def params_from_torch(
    state_dict: Mapping[str, np.ndarray], config: ModelConfig, *, auxiliary: bool | None = None
) -> Params:
    """Parameters of `CCAModel` from a state dict of the released code.

    Args:
        state_dict: names to arrays. A "module." prefix, both CompressAI namings of the factorised density
            (`matrices.0` and `_matrix0`) and the released code's buffers (tables, bounds) are understood.
        config: the sizes the weights must have.
        auxiliary: whether to take the auxiliary model; None takes it where the state dict has one.

    Returns:
        The `params` collection, float32.

    Raises:
        ValueError: arrays missing, left over or of another shape than the config says.
    """
    arrays = {normalize_name(name): np.asarray(value) for name, value in state_dict.items()}
    arrays = {name: value for name, value in arrays.items() if not _BUFFER.search(name)}
    if auxiliary is None:
        auxiliary = any(name.startswith("aux_entropymodel.") for name in arrays)
    if not auxiliary:
        arrays = {name: value for name, value in arrays.items() if not name.startswith("aux_entropymodel.")}
    entries = list(parameter_map(config, auxiliary))
    expected = {name for entry in entries for name in entry.names}
    _refuse("lacks", sorted(expected - set(arrays)))
    _refuse("has unknown", sorted(set(arrays) - expected))
    params: Params = {}
    for entry in entries:
        parts = [_to_ours(arrays[name], name, entry.layout) for name in entry.names]
        _set(params, entry.path, _stack(parts, entry))
    check_shapes({name: leaf.shape for name, leaf in flatten(params).items()}, config, auxiliary)
    return params


def torch_from_params(params: Params, config: ModelConfig) -> dict[str, np.ndarray]:
    """The inverse of `params_from_torch`: names and layouts of the released code. Serves gradients as well."""
    result: dict[str, np.ndarray] = {}
    for entry in parameter_map(config, "auxiliary" in params):
        value: Any = params
        for key in entry.path:
            value = value[key]
        array = np.asarray(value)
        parts = array.reshape(len(entry.names), *array.shape[len(entry.stacked) :])
        result.update({name: entry.layout.to_torch(part) for name, part in zip(entry.names, parts, strict=True)})
    return result


def normalize_name(name: str) -> str:
    """A state-dict name without the "module." of data parallelism and in today's naming of the factorised density."""
    name = name.removeprefix("module.")
    return re.sub(
        r"(entropy_bottleneck\.)_(matrix|bias|factor)(\d)$",
        lambda m: m[1] + {"matrix": "matrices", "bias": "biases", "factor": "factors"}[m[2]] + "." + m[3],
        name,
    )


_BUFFER = re.compile(r"(^|\.)(_quantized_cdf|_offset|_cdf_length|scale_table|target|bound|pedestal|scale_bound)$")


def _refuse(what: str, names: list[str]) -> None:
    if names:
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        raise ValueError(
            f"the state dict {what} {shown}: is it a CCA checkpoint, and does the configuration match its sizes?"
        )


def _to_ours(array: np.ndarray, name: str, layout: Layout) -> np.ndarray:
    try:
        return layout.to_ours(np.asarray(array, np.float32))
    except (IndexError, ValueError) as error:
        raise ValueError(f"{name} has shape {array.shape}, which its layer cannot have") from error


def _stack(parts: list[np.ndarray], entry: Entry) -> np.ndarray:
    for name, part in zip(entry.names, parts, strict=True):
        if part.shape != parts[0].shape:
            raise ValueError(f"{name} has another shape than {entry.names[0]}, its twin in the model")
    return np.stack(parts).reshape(*entry.stacked, *parts[0].shape)


def _set(tree: Params, path: tuple[str, ...], value: np.ndarray) -> None:
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    tree[path[-1]] = value


# The table, from the leaves up. Each function yields entries with paths and names relative to its module.

_Rows = Iterator[tuple[tuple[str, ...], str, Layout]]


def _affine(ours: str, theirs: str, kernel: Layout = _CONV) -> _Rows:
    yield (ours, "kernel"), f"{theirs}.weight", kernel
    yield (ours, "bias"), f"{theirs}.bias", _SAME


def _bottleneck() -> _Rows:
    for ours, theirs in (("reduce", "conv1"), ("spatial", "conv2"), ("expand", "conv3")):
        yield from _affine(ours, theirs)


def _naf_block() -> _Rows:
    yield from _affine("expand_spatial", "dwconv.0")
    yield from _affine("depthwise", "dwconv.1", _DEPTHWISE)
    yield from _affine("attention", "sca.1")
    yield from _affine("project_spatial", "conv1")
    yield from _affine("expand_channel", "FFN.0")
    yield from _affine("project_channel", "FFN.2")
    for ours, theirs in (("norm_spatial", "norm1"), ("norm_channel", "norm2")):
        yield (ours, "scale"), f"{theirs}.weight", _SAME
        yield (ours, "bias"), f"{theirs}.bias", _SAME
    yield ("beta",), "beta", _PER_CHANNEL
    yield ("gamma",), "gamma", _PER_CHANNEL


def _plain(ours: tuple[str, ...], theirs: str, rows: _Rows) -> Iterator[Entry]:
    for path, name, layout in rows:
        yield Entry((*ours, *path), (theirs + name,), layout)


def _repeated(ours: tuple[str, ...], prefixes: list[str], rows: _Rows) -> Iterator[Entry]:
    if prefixes:
        for path, name, layout in rows:
            names = tuple(prefix + name for prefix in prefixes)
            yield Entry((*ours, "blocks", *path), names, layout, (len(prefixes),))


def _transform(config: ModelConfig, analysis: bool) -> Iterator[Entry]:
    ours, theirs = ("analysis", "g_a") if analysis else ("synthesis", "g_s")
    bottlenecks = config.bottleneck_blocks
    for stage, nafs in enumerate(config.encoder_blocks if analysis else config.transform_blocks[::-1]):
        blocks = [f"{theirs}.blocks.{stage}.{j}." for j in range(bottlenecks + nafs)]
        first = bottlenecks if analysis else nafs
        names = (f"bottlenecks_{stage}", f"naf_{stage}")
        split = (blocks[:first], blocks[first:]) if analysis else (blocks[first:], blocks[:first])
        yield from _repeated((ours, names[0]), split[0], _bottleneck())
        yield from _repeated((ours, names[1]), split[1], _naf_block())
    kind, word, layout = ("down", "down", _CONV) if analysis else ("up", "up", _TRANSPOSED)
    for i in range(4):
        yield from _plain((ours,), f"{theirs}.", _affine(f"{kind}_{i}", f"{word}.{i}", layout))


def _hyper(ours: str, theirs: str, layout: Layout) -> Iterator[Entry]:
    for name, i in (("first", 0), ("second", 2), ("last", 4)):
        yield from _plain((ours,), f"{theirs}.", _affine(name, str(i), layout))


def _slices(ours: tuple[str, ...], theirs: str, config: ModelConfig, skip: int) -> Iterator[Entry]:
    for i in range(config.num_slices):
        for entry in _predictor(f"{i}.", config.context_blocks):
            names = tuple(f"{theirs}{kind}_{name}" for kind in ("mean", "scale") for name in entry.names)
            path = (*ours, f"predictors_{i}", *entry.path)
            yield Entry(path, names, entry.layout, (2, *entry.stacked))
    for i in range(refined_slices(config.num_slices, skip)):
        yield from _head((*ours, f"residual_heads_{i}"), f"{theirs}lrp_transforms.{i}.")


def _predictor(index: str, num_blocks: int) -> Iterator[Entry]:
    """Of the mean or of the scale: the names lack that word."""
    prefix = f"NAF_transforms.{index}"
    yield from _plain(("stack",), prefix, _affine("enter", "in_conv"))
    yield from _repeated(("stack", "naf"), [f"{prefix}blocks.{j}." for j in range(num_blocks)], _naf_block())
    yield from _plain(("stack",), prefix, _affine("leave", "out_conv"))
    yield from _head(("head",), f"cc_transforms.{index}")


def _head(ours: tuple[str, ...], theirs: str) -> Iterator[Entry]:
    for name, i in (("first", 0), ("second", 2), ("last", 4)):
        yield from _plain(ours, theirs, _affine(name, str(i)))


def _prior(ours: tuple[str, ...], theirs: str) -> Iterator[Entry]:
    for i in range(5):
        yield Entry((*ours, f"matrix_{i}"), (f"{theirs}matrices.{i}",), _SAME)
        yield Entry((*ours, f"bias_{i}"), (f"{theirs}biases.{i}",), _COLUMN)
        if i < 4:
            yield Entry((*ours, f"factor_{i}"), (f"{theirs}factors.{i}",), _COLUMN)
    yield Entry((*ours, "quantiles"), (f"{theirs}quantiles",), _QUANTILES)


def parameter_map(config: ModelConfig, auxiliary: bool) -> Iterator[Entry]:
    """Every parameter of a model of this configuration, with the PyTorch names it comes from."""
    yield from _transform(config, analysis=True)
    yield from _transform(config, analysis=False)
    yield from _hyper("hyper_analysis", "h_a", _CONV)
    yield from _hyper("hyper_mean_synthesis", "h_mean_s", _TRANSPOSED)
    yield from _hyper("hyper_scale_synthesis", "h_scale_s", _TRANSPOSED)
    yield from _prior(("hyper_prior",), "z_entropy_bottleneck.")
    yield from _slices(("slices",), "", config, skip=0)
    if auxiliary:
        yield from _slices(("auxiliary", "slices"), "aux_entropymodel.", config, skip=1)
        yield from _prior(("auxiliary", "prior"), "aux_entropymodel.y_entropy_bottleneck.")
