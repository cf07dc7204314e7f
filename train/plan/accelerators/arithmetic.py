"""Operations that a function asks for, counted from its jaxpr: the same on every platform, before any compiler.

Convolutions and matrix products only, a multiplication and an addition as two operations: that is what a chip's peak is
stated of. Products with padding and with the zeros of a dilated input are left out. What is computed again (remat)
counts again; inside `shard_map` shapes are those of one device, so that the sum is one device's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np


def operations(jaxpr: Any) -> int:
    """Floating-point operations of the matrix products of a jaxpr, closed or not, scans by their length.

    A `while` loop counts once, of a `cond` the most expensive branch.
    """
    total = 0
    for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        name = equation.primitive.name
        if name == "dot_general":
            total += _dot(equation)
        elif name == "conv_general_dilated":
            total += _convolution(equation)
        elif name == "cond":
            total += max(operations(branch) for branch in equation.params["branches"])
        else:
            total += _times(equation) * sum(map(operations, _inner(equation.params)))
    return total


def _times(equation: Any) -> int:
    if equation.primitive.name == "scan":
        return equation.params["length"]
    if equation.primitive.name == "pallas_call":
        return math.prod(equation.params["grid_mapping"].grid)
    return 1


def _inner(params: dict[str, Any]) -> Iterator[Any]:
    for value in params.values():
        for one in value if isinstance(value, (tuple, list)) else (value,):
            if hasattr(one, "eqns") or hasattr(getattr(one, "jaxpr", None), "eqns"):
                yield one


def _dot(equation: Any) -> int:
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return 2 * math.prod(equation.outvars[0].aval.shape) * math.prod(left[axis] for axis in contracted)


def _convolution(equation: Any) -> int:
    params, (image, kernel) = equation.params, (variable.aval.shape for variable in equation.invars)
    numbers, result = params["dimension_numbers"], equation.outvars[0].aval.shape
    batch, features = (result[axis] for axis in numbers.out_spec[:2])
    inputs = kernel[numbers.rhs_spec[1]]  # of one group
    products = 1
    for axis, (padding, stride, spread, dilation) in enumerate(
        zip(params["padding"], params["window_strides"], params["lhs_dilation"], params["rhs_dilation"], strict=True)
    ):
        sides = (
            image[numbers.lhs_spec[2 + axis]],
            kernel[numbers.rhs_spec[2 + axis]],
            result[numbers.out_spec[2 + axis]],
        )
        products *= _products(*sides, padding[0], stride, spread, dilation)
    return 2 * batch * features * inputs * products


def _products(image: int, kernel: int, result: int, before: int, stride: int, spread: int, dilation: int) -> int:
    """Pairs of a place of the result and one of the kernel that meet an element of the input, along one axis."""
    place = np.arange(result)[:, None] * stride + np.arange(kernel)[None] * dilation - before
    return int(((place >= 0) & (place % spread == 0) & (place // spread < image)).sum())
