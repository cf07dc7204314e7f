"""TensorFlow's operations by its C interface (tensorflow/c/c_api.h and c/eager/c_api.h), without its Python package.

The package takes four seconds to import, most of them for what no range coder needs; the library alone takes a third of
one. It is the same library: a process that imports TensorFlow as well has it once.

All that is known of that interface is here, and known to work with TensorFlow 2.17 and tensorflow-compression-ops
2.17.0; another version's functions that are missing are an AttributeError at the start.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Sequence
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

INT32 = 3
"""A number of tensorflow/c/tf_datatype.h."""
_STRING = 7
_STRING_BYTES = 24  # sizeof(TF_TString)
_CPU = b"/device:CPU:0"
# A serialised ConfigProto, device_count {"GPU": 0}: TensorFlow would reserve the memory of every GPU, which JAX needs.
_WITHOUT_GPU = b"\x0a\x07\x0a\x03GPU\x10\x00"
_PROTOTYPES: dict[str, tuple[Any, Sequence[Any]]] = {
    "TF_NewStatus": (c_void_p, ()),
    "TF_DeleteStatus": (None, (c_void_p,)),
    "TF_GetCode": (c_int, (c_void_p,)),
    "TF_Message": (c_char_p, (c_void_p,)),
    "TF_LoadLibrary": (c_void_p, (c_char_p, c_void_p)),
    "TF_AllocateTensor": (c_void_p, (c_int, POINTER(c_int64), c_int, c_size_t)),
    "TF_DeleteTensor": (None, (c_void_p,)),
    "TF_TensorData": (c_void_p, (c_void_p,)),
    "TF_TensorByteSize": (c_size_t, (c_void_p,)),
    "TF_StringInit": (None, (c_void_p,)),
    "TF_StringAssignView": (None, (c_void_p, c_char_p, c_size_t)),
    "TF_StringGetDataPointer": (c_void_p, (c_void_p,)),
    "TF_StringGetSize": (c_size_t, (c_void_p,)),
    "TFE_NewContextOptions": (c_void_p, ()),
    "TFE_ContextOptionsSetConfig": (None, (c_void_p, c_char_p, c_size_t, c_void_p)),
    "TFE_DeleteContextOptions": (None, (c_void_p,)),
    "TFE_NewContext": (c_void_p, (c_void_p, c_void_p)),
    "TFE_NewTensorHandle": (c_void_p, (c_void_p, c_void_p)),
    "TFE_DeleteTensorHandle": (None, (c_void_p,)),
    "TFE_TensorHandleResolve": (c_void_p, (c_void_p, c_void_p)),
    "TFE_NewOp": (c_void_p, (c_void_p, c_char_p, c_void_p)),
    "TFE_DeleteOp": (None, (c_void_p,)),
    "TFE_OpSetDevice": (None, (c_void_p, c_char_p, c_void_p)),
    "TFE_OpAddInput": (None, (c_void_p, c_void_p, c_void_p)),
    "TFE_OpSetAttrType": (None, (c_void_p, c_char_p, c_int)),
    "TFE_Execute": (None, (c_void_p, POINTER(c_void_p), POINTER(c_int), c_void_p)),
}


class TensorFlowError(Exception):
    """What TensorFlow says that went wrong."""


class Tensor:
    """A tensor of TensorFlow's, freed with this object.

    Attributes:
        handle: the address of its TFE_TensorHandle.
    """

    def __init__(self, library: Library, handle: int, kept: bytes = b"") -> None:
        """Takes the handle over, and keeps the bytes that it refers to."""
        self.handle = handle
        self._library, self._kept = library, kept

    def __del__(self) -> None:
        self._library.c.TFE_DeleteTensorHandle(self.handle)

    def memory(self) -> bytes:
        """The memory of an array of numbers."""
        return self._library.resolve(self.handle, string=False)

    def string(self) -> bytes:
        """The bytes of a scalar string."""
        return self._library.resolve(self.handle, string=True)


class Library:
    """TensorFlow's library and one of operations, with the CPU as its only device."""

    def __init__(self, operations: str, path: str) -> None:
        """Loads both, in about a third of a second.

        Args:
            operations: the package that holds the library of operations.
            path: of that library in the package.

        Raises:
            OSError: a library is missing or does not load.
            TensorFlowError: they do not fit each other.
        """
        folder = package_folder("tensorflow")
        ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"))
        self.c = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"))
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(self.c, name)
            function.restype, function.argtypes = result, arguments
        self._call("TF_LoadLibrary", str(package_folder(operations) / path).encode())
        options = self.c.TFE_NewContextOptions()
        self._call("TFE_ContextOptionsSetConfig", options, _WITHOUT_GPU, len(_WITHOUT_GPU))
        self._context = self._call("TFE_NewContext", options)
        self.c.TFE_DeleteContextOptions(options)

    def execute(self, name: str, inputs: Sequence[Tensor], outputs: int, **types: int) -> list[Tensor]:
        """Runs an operation.

        Args:
            name: its registered name.
            inputs: what it takes.
            outputs: how many tensors it gives.
            **types: its attributes that are types.

        Raises:
            TensorFlowError: it failed.
        """
        op = self._call("TFE_NewOp", self._context, name.encode())
        try:
            self._call("TFE_OpSetDevice", op, _CPU)
            for tensor in inputs:
                self._call("TFE_OpAddInput", op, tensor.handle)
            for attribute, value in types.items():
                self.c.TFE_OpSetAttrType(op, attribute.encode(), value)
            results, count = (c_void_p * outputs)(), c_int(outputs)
            self._call("TFE_Execute", op, results, byref(count))
        finally:
            self.c.TFE_DeleteOp(op)
        return [Tensor(self, handle) for handle in results if handle is not None]

    def integers(self, values: Any) -> Tensor:
        """int32 numbers of any shape as a tensor."""
        array = np.ascontiguousarray(values, np.int32)
        sides = (c_int64 * array.ndim)(*array.shape)
        tensor = self._allocate(INT32, sides, array.ndim, array.nbytes)
        ctypes.memmove(self.c.TF_TensorData(tensor), array.ctypes.data, array.nbytes)
        return self._handle(tensor)

    def string(self, data: bytes) -> Tensor:
        """Bytes as a scalar string; they must live as long as what operations make of it."""
        tensor = self._allocate(_STRING, None, 0, _STRING_BYTES)
        place = self.c.TF_TensorData(tensor)
        self.c.TF_StringInit(place)
        self.c.TF_StringAssignView(place, data, len(data))  # no copy: nobody would free it
        return self._handle(tensor, data)

    def resolve(self, handle: int, string: bool) -> bytes:
        """The contents of a tensor: of a scalar string, or the memory of numbers."""
        tensor = self._call("TFE_TensorHandleResolve", handle)
        try:
            data, size = self.c.TF_TensorData(tensor), self.c.TF_TensorByteSize(tensor)
            if string:
                data, size = self.c.TF_StringGetDataPointer(data), self.c.TF_StringGetSize(data)
            return ctypes.string_at(data, size)
        finally:
            self.c.TF_DeleteTensor(tensor)

    def _allocate(self, kind: int, sides: Any, rank: int, size: int) -> int:
        tensor = self.c.TF_AllocateTensor(kind, sides, rank, size)
        if not tensor:
            raise MemoryError(f"no {size} bytes for TensorFlow")
        return tensor

    def _handle(self, tensor: int, kept: bytes = b"") -> Tensor:
        try:
            return Tensor(self, self._call("TFE_NewTensorHandle", tensor), kept)
        finally:
            self.c.TF_DeleteTensor(tensor)

    def _call(self, function: str, *arguments: Any) -> Any:
        """Calls a function whose last parameter is a status."""
        status = self.c.TF_NewStatus()
        try:
            result = getattr(self.c, function)(*arguments, status)
            if self.c.TF_GetCode(status):
                raise TensorFlowError(self.c.TF_Message(status).decode(errors="replace"))
            return result
        finally:
            self.c.TF_DeleteStatus(status)


def package_folder(name: str) -> Path:
    """The folder of an installed package, which is not imported; OSError where there is none."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise OSError(f"there is no package {name}")
    return Path(spec.submodule_search_locations[0])
