"""The tensors of a checkpoint before they are read: where they lie, of what shape and type."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

BFLOAT16 = "bfloat16"
_DTYPES = {"float16": "<f2", "float32": "<f4", "float64": "<f8", BFLOAT16: "<u2"}
"""What weights can be of, as it lies in the file."""
_SIZES = {"bool": 1, "uint8": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "complex64": 8, "complex128": 16} | {
    name: np.dtype(kind).itemsize for name, kind in _DTYPES.items()
}
STORAGES = {
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "DoubleStorage": "float64",
    "BFloat16Storage": BFLOAT16,
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "ShortStorage": "int16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
}
"""Torch's classes of storages and the type of a number in each."""


@dataclasses.dataclass(frozen=True)
class Storage:
    """Numbers in a row, as tensors share them.

    Attributes:
        dtype: torch's name of their type.
        count: how many.
        read: reads their bytes.
    """

    dtype: str
    count: int
    read: Callable[[], bytes]

    @property
    def bytes(self) -> int:
        """How many bytes they take; ValueError for a type that is not known."""
        return self.count * size_of(self.dtype)


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A view of a storage.

    Attributes:
        storage: what it is a view of.
        dtype: torch's name of the numbers' type.
        first: the number that it begins with.
        shape: of the view.
        strides: numbers from one index to the next along each axis; 0 and overlaps are allowed.
    """

    storage: Storage
    dtype: str
    first: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, name: str) -> np.ndarray:
        """The numbers as float32, or float64 where they are stored as such.

        Args:
            name: what errors call it.

        Raises:
            ValueError: not of floating point numbers, or the view does not lie within its storage.
        """
        if self.dtype not in _DTYPES:
            raise ValueError(f"{name} is of {self.dtype} numbers: give float32, float16, bfloat16 or float64")
        data, kind = self.storage.read(), np.dtype(_DTYPES[self.dtype])
        numbers = np.frombuffer(data[: len(data) // kind.itemsize * kind.itemsize], kind)
        if not self._lies_within(len(numbers)):
            raise ValueError(f"{name} lies outside of its storage of {len(numbers)} numbers: the file is damaged")
        steps = tuple(kind.itemsize * stride for stride in self.strides)
        view = np.lib.stride_tricks.as_strided(numbers[self.first :], self.shape, steps, writeable=False)
        if self.dtype == BFLOAT16:
            return (view.astype(np.uint32) << 16).view(np.float32)
        return view.astype(np.promote_types(view.dtype, np.float32))

    def _lies_within(self, count: int) -> bool:
        numbers = [self.first, *self.shape, *self.strides]
        if len(self.shape) != len(self.strides) or not all(isinstance(n, int) and n >= 0 for n in numbers):
            return False
        last = self.first + sum((side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True))
        return math.prod(self.shape) == 0 or last < count


def size_of(dtype: str) -> int:
    """Bytes of a number; ValueError for a type that is not known."""
    if dtype not in _SIZES:
        raise ValueError(f"holds numbers of a type that is not known here, {dtype}")
    return _SIZES[dtype]


def rebuild(storage: Any, first: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    """A tensor as torch's `_rebuild_tensor_v2` has it; what else torch gives (gradients, hooks) is not of use here."""
    return Tensor(_checked(storage), storage.dtype, first, tuple(shape), tuple(strides))


def rebuild_typed(
    storage: Any, first: Any, shape: Any, strides: Any, grad: Any, hooks: Any, dtype: Any, *_: Any
) -> Tensor:
    """A tensor as `_rebuild_tensor_v3` has it, whose storage does not say the type."""
    del grad, hooks
    return Tensor(_checked(storage), str(dtype), first, tuple(shape), tuple(strides))


def _checked(storage: Any) -> Storage:
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without a storage")
    return storage
