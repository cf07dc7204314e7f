"""Which array or arrays of a PyTorch state dict each array of ours holds, and how the axes lie.

The names are those of the released code, and of CompressAI's mbt2018-mean for the transforms and the entropy model of
2018. One table (`parameter_map`), which both directions and the verification of gradients follow.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from cca_jax.config import ModelConfig
from cca_jax.model.parameters.shapes import parameter_shapes
from cca_jax.model.recurrence import refined_slices


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
_MATRIX = Layout(lambda a: a.T, lambda a: a.T)
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


def parameter_map(config: ModelConfig, auxiliary: bool) -> Iterator[Entry]:
    """Every parameter of a model of this configuration, with the PyTorch names it comes from."""
    transform = _gdn_transform if config.transforms == "gdn" else _transform
    yield from transform(config, analysis=True)
    yield from transform(config, analysis=False)
    yield from _hyper("hyper_analysis", "h_a", _CONV)
    if config.entropy_model == "mean_scale":
        yield from _hyper("hyper_synthesis", "h_s", _TRANSPOSED, last=_CONV)
        yield from _prior(("hyper_prior",), "entropy_bottleneck.")
        return
    yield from _hyper("hyper_mean_synthesis", "h_mean_s", _TRANSPOSED)
    yield from _hyper("hyper_scale_synthesis", "h_scale_s", _TRANSPOSED)
    yield from _prior(("hyper_prior",), "z_entropy_bottleneck.")
    yield from _slices(("slices",), "", config, skip=0)
    if auxiliary:
        yield from _slices(("auxiliary", "slices"), "aux_entropymodel.", config, skip=1)
        yield from _prior(("auxiliary", "prior"), "aux_entropymodel.y_entropy_bottleneck.")


@functools.lru_cache(maxsize=8)
def torch_shapes(config: ModelConfig, auxiliary: bool) -> Mapping[str, tuple[int, ...]]:
    """Names and shapes of the state dict of this configuration's weights; nothing is allocated.

    Raises:
        ValueError: the released code has no such model, whatever its sizes.
    """
    ours, entries = parameter_shapes(config, auxiliary), list(parameter_map(config, auxiliary))
    if other := sorted(set(ours).symmetric_difference("/".join(entry.path) for entry in entries)):
        raise ValueError(
            f"the released code has no model of this kind ({len(other)} parameters differ, the first is {other[0]}): "
            "it has one rate, and scales from the context"
        )
    shapes = {}
    for entry in entries:
        one = np.broadcast_to(np.float32(0), ours["/".join(entry.path)][len(entry.stacked) :])
        shapes.update(dict.fromkeys(entry.names, entry.layout.to_torch(one).shape))
    return shapes


# From the leaves up. Each function yields entries with paths and names relative to its module.

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


def _gdn_transform(config: ModelConfig, analysis: bool) -> Iterator[Entry]:
    ours, theirs = ("analysis", "g_a") if analysis else ("synthesis", "g_s")
    kind, layout = ("down", _CONV) if analysis else ("up", _TRANSPOSED)
    stages = len(config.transform_channels)
    for stage in range(stages + 1):
        yield from _plain((ours,), f"{theirs}.", _affine(f"{kind}_{stage}", str(2 * stage), layout))
    for stage in range(stages):
        name = f"{theirs}.{2 * stage + 1}"
        yield Entry((ours, f"gdn_{stage}", "beta"), (f"{name}.beta",), _SAME)
        yield Entry((ours, f"gdn_{stage}", "gamma"), (f"{name}.gamma",), _MATRIX)


def _hyper(ours: str, theirs: str, layout: Layout, last: Layout | None = None) -> Iterator[Entry]:
    for name, i in (("first", 0), ("second", 2), ("last", 4)):
        own = last if name == "last" and last is not None else layout
        yield from _plain((ours,), f"{theirs}.", _affine(name, str(i), own))


def _slices(ours: tuple[str, ...], theirs: str, config: ModelConfig, skip: int) -> Iterator[Entry]:
    for i in range(config.num_slices):
        for entry in _predictor(f"{i}.", config.context_blocks):
            names = tuple(f"{theirs}{kind}_{name}" for kind in ("mean", "scale") for name in entry.names)
            path = (*ours, f"predictors_{i}", *entry.path)
            yield Entry(path, names, entry.layout, (2, *entry.stacked))
    for i in refined_slices(config, skip):
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
