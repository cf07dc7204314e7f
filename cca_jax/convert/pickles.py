"""What torch pickles, read without running anything of it.

Every name that a pickle mentions is looked up in a short list here. Containers and tensors on it become what they are;
all other classes and functions become `Foreign` objects, which keep what they are given and do nothing. So a scheduler,
an optimizer, a namespace of arguments or a whole module beside the weights is no obstacle, and no danger.
"""

from __future__ import annotations

import collections
import functools
import io
import pickle
import pickletools
import re
from collections.abc import Callable
from typing import Any, BinaryIO

from cca_jax.convert.numpy_arrays import NUMPY
from cca_jax.convert.tensors import STORAGES, rebuild, rebuild_typed

_DTYPE = re.compile(r"b?float\w+|[qu]*int\w+|complex\w+|bool")
_IN_PLACE = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"}
_MAX_DEPTH = 200
"""Containers within one another: hashing what is nested much deeper would overflow the interpreter's stack."""


class Foreign:
    """An object, class or function that is not known here.

    Attributes:
        what: its module and name.
        state: what it was built of, as far as that is a dict.
    """

    what = "object"
    state: dict[Any, Any]

    def __new__(cls, *_: Any, **__: Any) -> Foreign:  # noqa: D102  # a pickle may leave out __init__
        made = super().__new__(cls)
        made.state = {}
        return made

    def __init__(self, *_: Any, **__: Any) -> None:
        """Takes any arguments."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and state:  # of attributes, and of slots
            state = state[0]
        if isinstance(state, dict):
            self.state = state

    def append(self, _: Any) -> None:
        """Takes an item, as a list does."""

    def extend(self, _: Any) -> None:
        """Takes items."""

    def add(self, _: Any) -> None:
        """Takes an item, as a set does."""

    def __setitem__(self, key: Any, value: Any) -> None:
        self.state[key] = value


def load(stream: BinaryIO, persistent: Callable[[Any], Any]) -> Any:
    """The content of the pickle that begins where the stream stands, which then stands behind it.

    Args:
        stream: bytes.
        persistent: what a persistent identifier stands for.

    Raises:
        ValueError: not a pickle, a damaged one, or one that is nested too deep.
    """
    start = stream.tell()
    try:
        _check(stream, _size(stream) - start)
        end = stream.tell()
        stream.seek(start)
        return _Unpickler(io.BytesIO(stream.read(end - start)), persistent).load()
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle can make its reader raise nearly anything
        text = " ".join(str(error).split())
        reason = text if isinstance(error, (ValueError, pickle.UnpicklingError)) and text else "it is damaged or none"
        raise ValueError(f"a pickle in it cannot be read: {reason}") from error


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: BinaryIO, persistent: Callable[[Any], Any]) -> None:
        self._persistent = persistent
        super().__init__(stream)

    def persistent_load(self, pid: Any) -> Any:
        """What torch keeps outside of the pickle."""
        return self._persistent(pid)

    def find_class(self, module: str, name: str) -> Any:
        """What stands for the object of that name."""
        if module in ("torch", "torch.storage") and name in STORAGES:
            return _StorageKind(STORAGES[name])
        if module == "torch" and _DTYPE.fullmatch(name):
            return _StorageKind(name)
        return _KNOWN.get((module, name)) or _foreign(f"{module}.{name}")


class _StorageKind(str):
    """A class of storages, or a dtype: the name of the numbers' type. Nothing is made of it."""

    def __call__(self, *_: Any) -> Any:
        raise ValueError(f"{self}: a storage within the pickle")


@functools.lru_cache(maxsize=1024)
def _foreign(what: str) -> type[Foreign]:
    return type("Foreign", (Foreign,), {"what": what})


def _parameter(data: Any, *_: Any) -> Any:
    return data


def _latin(text: str, _: str) -> bytes:
    """How protocol 2 writes bytes."""
    return text.encode("latin-1")


def _of_type(function: Callable[..., Any], _: Any, arguments: tuple[Any, ...], __: Any) -> Any:
    if function not in _REBUILD.values():
        raise ValueError("a tensor of a class that is not known here")
    return function(*arguments)


_REBUILD = {
    "_rebuild_tensor": rebuild,
    "_rebuild_tensor_v2": rebuild,
    "_rebuild_tensor_v3": rebuild_typed,
    "_rebuild_parameter": _parameter,
    "_rebuild_parameter_with_state": _parameter,
}
_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("collections", "defaultdict"): lambda *_: {},
    ("collections", "Counter"): lambda *content: dict(*content),
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("torch", "Size"): tuple,
    ("torch._tensor", "_rebuild_from_type_v2"): _of_type,
    ("_codecs", "encode"): _latin,
    **{("torch._utils", name): function for name, function in _REBUILD.items()},
    **NUMPY,
}


def _check(stream: BinaryIO, size: int) -> None:
    """Walks through a pickle without building it; ValueError where building it could harm.

    A memo's index asks for that much memory, and containers in containers for a stack. `pickletools` says for each
    operation what it takes from the stack and puts there; the stack here holds depths alone, and None for a mark.
    """
    stack: list[int | None] = []
    memo: dict[Any, int | None] = {}
    for operation, argument, _ in pickletools.genops(stream):
        name = operation.name
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            index = len(memo) if argument is None else argument
            if not 0 <= index <= size:
                raise ValueError(f"it numbers an object {index}")
            memo[index] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        else:
            depth = _depth(name, _take(operation, stack))
            if depth > _MAX_DEPTH:
                raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")
            stack += [None if kind is pickletools.markobject else depth for kind in operation.stack_after]


def _take(operation: pickletools.OpcodeInfo, stack: list[int | None]) -> list[int]:
    """The depths of what an operation takes from the stack, the topmost first."""
    before, taken = list(operation.stack_before), []
    if operation.name == "POP" and stack[-1] is None:
        before = []
        stack.pop()
    if pickletools.markobject in before:
        before = before[: before.index(pickletools.markobject)]
        while (top := stack.pop()) is not None:
            taken.append(top)
    return taken + [stack.pop() or 0 for _ in before]


def _depth(name: str, taken: list[int]) -> int:
    """Of what comes of it; items that go into a container leave it at its own depth, unless theirs is larger."""
    container = taken.pop() if name in _IN_PLACE else 1
    return max(container, 1 + max(taken, default=0))


def _size(stream: BinaryIO) -> int:
    start = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(start)
    return size
