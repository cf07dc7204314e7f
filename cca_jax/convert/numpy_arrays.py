"""NumPy's arrays and numbers in a pickle: bytes with a shape and a type, made without NumPy's own functions."""

from __future__ import annotations

import itertools
import operator
import sys
from typing import Any

from cca_jax.convert.tensors import Storage, Tensor

_TYPES = {"f2": "float16", "f4": "float32", "f8": "float64"}


class _Dtype:
    """numpy.dtype(code, …), of which the code and the order of bytes are kept."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code, self.order = str(code), "<"

    def __setstate__(self, state: Any) -> None:
        self.order = str(state[1])

    @property
    def name(self) -> str:
        """Torch's name of the type; others than weights can be of are named by their code."""
        code, order = self.code.lstrip("<>|="), "<>"[sys.byteorder == "big"] if self.order in "=|" else self.order
        return _TYPES.get(code, f"numpy.{self.code}") if order == "<" else f"numpy.>{code}"


class _Array:
    """An array that `_reconstruct` begins and its state fills."""

    def __init__(self, *_: Any) -> None:
        self.tensor: Tensor | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        self.tensor = _tensor(data, dtype, shape, fortran)


def as_tensor(value: Any) -> Any:
    """An array's tensor; anything else as it is."""
    return value.tensor if isinstance(value, _Array) else value


def _tensor(data: Any, dtype: Any, shape: Any, fortran: Any) -> Tensor | None:
    """None for an array of Python's objects."""
    if not isinstance(data, (bytes, bytearray)) or not isinstance(dtype, _Dtype):
        return None
    content, sides = bytes(data), tuple(int(side) for side in shape)
    strides = list(itertools.accumulate(sides if fortran else sides[::-1], operator.mul, initial=1))[: len(sides)]
    order = tuple(strides if fortran else strides[::-1])
    return Tensor(Storage("uint8", len(content), lambda: content), dtype.name, 0, sides, order)


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> Any:
    """How protocol 5 writes arrays."""
    return _tensor(data, dtype, shape, order == "F")


def _scalar(dtype: Any, data: Any = None) -> Any:
    """A number beside the weights; one that is no float is of no use here."""
    tensor = _tensor(data, dtype, (), False)
    return float(tensor.read("a number")) if tensor is not None and tensor.dtype in _TYPES.values() else data


NUMPY: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Dtype,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
}
"""What stands for NumPy's names."""
