"""The weights among all that a checkpoint holds, wherever they lie in it and whatever a wrapper called them."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cca_jax.convert.names import normalize_name, split_name
from cca_jax.convert.numpy_arrays import as_tensor
from cca_jax.convert.pickles import Foreign
from cca_jax.convert.tensors import Tensor

_AVERAGED = frozenset({"ema", "avg", "average", "averaged", "shadow", "swa", "ma", "polyak"})
_RELEASED = "state_dict"
"""Where the released training puts the weights."""
Path = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class WeightSet:
    """One set of weights.

    Attributes:
        path: the keys and prefixes before every name of it, from the top of the checkpoint.
        entries: the tensors by their names there; what else has the name of a weight is here too.
    """

    path: Path
    entries: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The path as text; empty where the names stand at the top."""
        return ".".join(self.path)

    @property
    def is_averaged(self) -> bool:
        """Whether its path says that it is a moving average."""
        words = {word for part in self.path for word in part.lower().split("_")}
        return not words.isdisjoint(_AVERAGED)


def choose_weights(
    content: Any, expected: Callable[[str], bool], key: str | None = None
) -> tuple[WeightSet, str | None]:
    """A checkpoint's weights.

    Several sets may lie in it. Without a key the raw ones are taken, not their moving average, and among raw ones those
    that the released code would load.

    Args:
        content: of the checkpoint.
        expected: whether a name is of a weight of this model.
        key: of the set, or the beginning of its key.

    Returns:
        The set, and a line on what else there was.

    Raises:
        ValueError: there is none, or more than one that it could be.
    """
    sets = [found for found in _sets(content) if any(expected(normalize_name(name)) for name in found.entries)]
    if not sets:
        raise ValueError(f"holds no weights of a CCA model{_foreign(content)}")
    chosen = _with_key(sets, key) if key is not None else _by_default(sets)
    names = ", ".join(found.key or "(the top)" for found in sets)
    if len(chosen) != 1:
        which = f"none of them is {key!r}" if key is not None and not chosen else "say which with --weights KEY"
        raise ValueError(f"holds {len(sets)} sets of weights ({names}): {which}")
    if len(sets) == 1:
        return chosen[0], None
    others = ", ".join(found.key or "(the top)" for found in sets if found is not chosen[0])
    return chosen[0], f"took the weights {chosen[0].key!r}; --weights takes others: {others}"


def _with_key(sets: Sequence[WeightSet], key: str) -> list[WeightSet]:
    parts = tuple(part for part in key.split(".") if part)
    exact = [found for found in sets if found.path == parts]
    beginning = [found for found in sets if found.path[: len(parts)] == parts]
    return exact or beginning or [found for found in sets if set(parts) <= set(found.path)]


def _by_default(sets: Sequence[WeightSet]) -> list[WeightSet]:
    raw = [found for found in sets if not found.is_averaged] or list(sets)
    released = [found for found in raw if found.path[:1] == (_RELEASED,)]
    return released if len(released) == 1 else raw


def _sets(content: Any) -> list[WeightSet]:
    """Everything that is named as a weight, by what stands before the names; parts of optimizers are among it."""
    groups: dict[Path, dict[str, Any]] = collections.defaultdict(dict)
    places: dict[Path, set[Path]] = collections.defaultdict(set)
    others: list[tuple[Path, Path]] = []
    for place, name, value in _walk(content):
        if not isinstance(value, Tensor) and (not isinstance(value, Foreign) or value.state):
            continue
        whole = (*place, *name.split("."))
        before, rest = split_name(whole)
        if before is None:
            if isinstance(value, Tensor):
                others.append((place, whole))
            continue
        groups[before][".".join(rest)] = value
        places[before].add(place)
    for place, whole in others:
        for before, group in groups.items():
            # Beside the weights, under their prefix: a weight that the model does not know.
            if place in places[before] and whole[: len(before)] == before:
                group[".".join(whole[len(before) :])] = None
    return [WeightSet(before, group) for before, group in groups.items()]


def _walk(content: Any) -> Iterator[tuple[Path, str, Any]]:
    """Everything in containers and in objects that are not known here, with the keys of what it lies in and its own."""
    seen: set[int] = set()
    pending: list[tuple[Path, Any]] = [((), content)]
    while pending:
        place, container = pending.pop()
        if id(container) in seen:  # a container in itself, or the same weights under two keys
            continue
        seen.add(id(container))
        inner = []
        for key, item in _items(container).items():
            value = as_tensor(item)
            yield place, str(key), value
            if isinstance(value, (Mapping, Foreign)):
                inner.append(((*place, str(key)), value))
        pending += reversed(inner)


def _items(container: Any) -> Mapping[Any, Any]:
    if isinstance(container, Foreign):
        modules = [container.state.get(part) for part in ("_parameters", "_buffers", "_modules")]
        if modules[2] is None:
            return container.state
        return {key: value for part in modules if isinstance(part, Mapping) for key, value in part.items()}
    return container if isinstance(container, Mapping) else {}


def _foreign(content: Any) -> str:
    """Of what classes the objects are that lie where weights should."""
    found = {value.what for _, _, value in _walk({"": content}) if isinstance(value, Foreign)}
    if not found:
        return ": give a checkpoint of the released code, or of a training of it"
    names = ", ".join(sorted(found)[:3])
    return f", but objects of {names}, whose code is not run here: save the model's state_dict() alone"
