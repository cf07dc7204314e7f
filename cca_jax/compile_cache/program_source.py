"""What a step is made of: the functions and classes that it reaches, through their names, from the step itself.

This package's own are known by the digest of their files, those of JAX and its kind by their versions, and both by
name here, so that one put in another's place is noticed. What a model's configuration chooses by name, the model tells
(`chosen_parts`). What comes from anywhere else, a module that a user wrote or a function patched in, has a source that
no digest covers: such a step's programs are not kept.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import logging
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import flax.linen
import numpy as np

OWN = ("cca_jax.config", "cca_jax.model", "cca_jax.ops")
"""The modules whose files are digested; what they import of the package is among them."""
_KNOWN = {"jax", "jaxlib", "flax", "numpy", "jaxtyping", "beartype", "ml_dtypes", "builtins", *sys.stdlib_module_names}
_log = logging.getLogger("cca_jax.compile_cache")
_PLAIN = (type(None), bool, int, float, complex, str, bytes, enum.Enum, np.generic, np.dtype)
_HELD = (*_PLAIN, tuple, property, functools.cached_property, staticmethod, classmethod)
_RULES = ("__wrapped__", "jvp", "fwd", "bwd", "func", "fget")
"""Where wrappers of the known libraries keep what they wrap."""


class _ForeignError(Exception):
    """Something whose source is not known."""


@dataclasses.dataclass
class _Reached:
    """What was found from one object.

    Attributes:
        start: the object, kept so that no other takes its place in memory.
        digest: of the names of all that it reaches; None where something of it is neither ours nor known.
        scopes: what the names meant that led there: (the names of a module or class, one of them, its value).
    """

    start: Any
    digest: str | None
    scopes: list[tuple[Mapping[str, Any], str, Any]]

    def holds(self) -> bool:
        """Whether all names still mean what they meant."""
        return all(scope.get(name) is value for scope, name, value in self.scopes)


_MOST = 100
_reached: dict[int, _Reached] = {}


def source_of(step: Any, static: tuple[Any, ...]) -> str | None:
    """A digest of the names of all that a step reaches; None where something of it is neither ours nor known.

    Args:
        step: a jitted function.
        static: the arguments that are part of its program.
    """
    digests = [_source_of(value) for value in (step, *static)]
    return None if None in digests else " ".join(map(str, digests))


def _source_of(value: Any) -> str | None:
    if isinstance(value, _PLAIN):
        return repr(value)
    reached = _reached.get(id(value))
    if reached is None or reached.start is not value or not reached.holds():
        if len(_reached) >= _MOST:  # of a process that makes codec after codec
            _reached.clear()
        reached = _reached[id(value)] = _walk(value)
    return reached.digest


def _walk(start: Any) -> _Reached:
    digest, waiting, described = hashlib.sha256(), [start], {}
    scopes: list[tuple[Mapping[str, Any], str, Any]] = []

    def describe(value: Any) -> tuple[str, list[Any]]:
        if id(value) not in described:
            described[id(value)] = (_describe(value), value)  # which is kept, so that no other takes its place
        return described[id(value)][0]

    seen: set[int] = set()
    try:
        while waiting:
            value = waiting.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            text, parts = describe(value)
            digest.update(text.encode() + b"\0")
            for part in parts:
                if isinstance(part, _Name):
                    scopes.append(part)
                    digest.update(part.name.encode() + b"=")
                    part = part.value
                digest.update(describe(part)[0].encode() + b"\0")
                waiting.append(part)
    except _ForeignError as error:
        _log.debug("programs of %r are not kept: %r is of an unknown source", start, error.args[0])
        return _Reached(start, None, scopes)
    return _Reached(start, digest.hexdigest(), scopes)


class _Name(NamedTuple):
    """What a name means in a module or class."""

    scope: Mapping[str, Any]
    name: str
    value: Any


def _is_own(module: object) -> bool:
    """Whether a module of that name is ours; raises unless it is that or of a known library."""
    name = module if isinstance(module, str) else ""
    if any(name == own or name.startswith(f"{own}.") for own in OWN):
        return True
    if name.partition(".")[0] in _KNOWN or name.startswith("namedtuple_"):
        return False
    raise _ForeignError(module)


def _describe(value: Any) -> tuple[str, list[Any]]:
    """A text that names something, and what it is made of."""
    if isinstance(value, _PLAIN):
        return repr(value), []
    if isinstance(value, types.FunctionType):
        return _describe_function(value)
    if isinstance(value, type):
        return _describe_class(value)
    if isinstance(value, (tuple, list, dict, set, frozenset, np.ndarray)):
        return _describe_container(value)
    if isinstance(value, functools.partial):
        return "partial", [value.func, value.args, value.keywords]
    if isinstance(value, flax.linen.Module) or dataclasses.is_dataclass(value):
        named = [field.name for field in dataclasses.fields(value) if field.name != "parent" and field.compare]
        chosen = value.chosen_parts() if hasattr(value, "chosen_parts") else ()
        return "instance", [type(value), *(getattr(value, name) for name in named), *chosen]
    if isinstance(value, types.MethodType):
        return "method", [value.__func__, value.__self__]
    return _describe_wrapper(value)


def _describe_container(value: Any) -> tuple[str, list[Any]]:
    if isinstance(value, dict):
        return f"dict {list(value)!r}", list(value.values())
    if isinstance(value, (set, frozenset)):
        return repr(sorted(map(repr, value))), []
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}", []
    return type(value).__name__, list(value)


def _describe_wrapper(value: Any) -> tuple[str, list[Any]]:
    """An object of a known library: a jitted function, one with a rule for its gradient, a property and its like."""
    if _is_own(type(value).__module__):
        raise _ForeignError(value)  # what an object of a plain class of ours holds is not known here
    own_name = getattr(value, "__name__", None)
    name = f"{getattr(value, '__module__', '')}.{own_name}" if isinstance(own_name, str) else ""
    kept = vars(value) if hasattr(value, "__dict__") else {}
    parts = [kept.get(rule, getattr(value, rule, None)) for rule in _RULES]
    return f"{type(value).__module__}.{type(value).__qualname__} {name}", [part for part in parts if part is not None]


def _describe_function(function: types.FunctionType) -> tuple[str, list[Any]]:
    """By its module, which `functools.wraps` does not change, its name and its line; made of what its code names."""
    module = function.__globals__.get("__name__")
    text = f"{module}.{function.__qualname__}"
    wrapped = [function.__wrapped__] if hasattr(function, "__wrapped__") else []
    if not _is_own(module):
        return text, wrapped
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    names = dict.fromkeys(_names(function.__code__))
    return f"{text}:{function.__code__.co_firstlineno}", [
        *wrapped,
        *cells,
        *defaults,
        *_named(function.__globals__, names),
    ]


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # a function that names itself before it is there
        return False


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _named(scope: Mapping[str, Any], names: Iterable[str]) -> Iterator[_Name]:
    """What names mean in a module; where that is a module again, what they mean there, too."""
    modules, seen = [scope], {id(scope)}
    while modules:
        scope = modules.pop()
        for name in names:
            value = scope.get(name)
            if isinstance(value, types.ModuleType):
                if id(vars(value)) not in seen:
                    _is_own(value.__name__)
                    seen.add(id(vars(value)))
                    modules.append(vars(value))
            elif name in scope and not name.startswith("__"):
                yield _Name(scope, name, value)


def _describe_class(kind: type) -> tuple[str, list[Any]]:
    text = f"{kind.__module__}.{kind.__qualname__}"
    if not _is_own(kind.__module__):
        return text, []
    members = [name for name, value in vars(kind).items() if _is_member(name, value)]
    return text, [*kind.__bases__, *(_Name(vars(kind), name, vars(kind)[name]) for name in members)]


def _is_member(name: str, value: object) -> bool:
    """What a class does or holds, of all that Python and Flax write into it."""
    return callable(value) or (isinstance(value, _HELD) and not name.startswith("__"))
