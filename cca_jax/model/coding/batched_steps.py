"""The steps of coding for several images of one bucket in one call, as an accelerator wants them.

Each array of an image gets an axis before its own; what all images share has none. Every image is computed as in a call
of its own, by the same step, but an accelerator may round sums of floats otherwise in another shape of arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import flax.linen
import jax


def batched(step: Callable[..., Any], arguments: tuple[Any, ...], shared: tuple[Any, ...]) -> Callable[..., Any]:
    """A jitted step over several images.

    Args:
        step: of `coding_steps`.
        arguments: as it will be called.
        shared: those arguments, by identity, that have no axis of images: parameters, scales, a rate. Modules and
            numbers have none either.
    """
    kinds = tuple(_kind(argument, shared) for argument in arguments)
    return _batched(step, kinds)


_STATIC, _SHARED, _OWN = "static", "shared", "own"


def _kind(argument: Any, shared: tuple[Any, ...]) -> str:
    if isinstance(argument, (int, flax.linen.Module)):
        return _STATIC
    return _SHARED if argument is None or any(argument is one for one in shared) else _OWN


@functools.cache
def _batched(step: Callable[..., Any], kinds: tuple[str, ...]) -> Callable[..., Any]:
    single = step.__wrapped__  # type: ignore[attr-defined]  # all steps are jitted
    static = tuple(number for number, kind in enumerate(kinds) if kind is _STATIC)
    traced = tuple(number for number, kind in enumerate(kinds) if kind is not _STATIC)
    axes = tuple(0 if kinds[number] is _OWN else None for number in traced)

    def run(*arguments: Any) -> Any:
        def one(*own: Any) -> Any:
            places = dict(zip(traced, own, strict=True)) | {number: arguments[number] for number in static}
            return single(*(places[number] for number in range(len(kinds))))

        return jax.vmap(one, axes)(*(arguments[number] for number in traced))

    run.__name__ = run.__qualname__ = f"{step.__name__}_of_batch"
    return jax.jit(run, static_argnums=static)
