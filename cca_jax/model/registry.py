"""The parts of a model that its configuration names: transforms, context rule and entropy model.

Whoever wants another part registers it under a name, before a model is made of it. Names are what configurations and
bundles hold: code never comes out of a bundle. So the process that loads one must have registered its parts. A
program that knows nothing of them finds them where the environment variable CCA_JAX_PARTS lists the modules that
register them, or where an installed package has an entry point of the group "cca_jax_parts".
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import os
import re
from typing import Generic, TypeVar

Part = TypeVar("Part")

SEARCH_PATH = "CCA_JAX_PARTS"
"""The environment variable that lists modules, separated as paths are."""
_ENTRY_POINTS = "cca_jax_parts"
_NAME = re.compile(r"[A-Za-z0-9][\w.\-]*")


class UnregisteredPartError(ValueError):
    """A configuration names a part that is not registered in this process."""


@dataclasses.dataclass(frozen=True)
class Registry(Generic[Part]):
    """Parts of one kind by name.

    Attributes:
        kind: what such a part is, for messages.
        register_with: the function that users call.
        parts: those that are registered. What names mean is no part of what a registry is (`compare`): programs are
            made of the parts that their configuration chose (`parts.chosen`), whatever else is registered.
    """

    kind: str
    register_with: str
    parts: dict[str, Part] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    def register(self, name: str, part: Part) -> None:
        """Gives a part its name, for the life of the process.

        Raises:
            ValueError: no such name can be, or another part has it: what was compiled under it would stay in use.
        """
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no name of {self.kind}: use letters, digits, dots, hyphens and underscores")
        if self.parts.setdefault(name, part) != part:
            raise ValueError(
                f"the name {name!r} is taken among the registered {self.kind}: give yours another one, or start a new "
                "process"
            )

    def get(self, name: str) -> Part:
        """The part of that name.

        Raises:
            UnregisteredPartError: there is none, also in the modules that are searched.
        """
        if name not in self.parts:
            _search()
        if name not in self.parts:
            raise UnregisteredPartError(
                f"unregistered {self.kind} {name!r} (known here: {', '.join(sorted(self.parts))}): import the "
                f"module that registers it with {self.register_with}, or name that module in {SEARCH_PATH}"
            )
        return self.parts[name]


def _search() -> None:
    """Imports the modules that may register parts."""
    modules = [name for name in os.environ.get(SEARCH_PATH, "").split(os.pathsep) if name]
    modules += [entry.module for entry in importlib.metadata.entry_points(group=_ENTRY_POINTS)]
    try:
        for module in modules:
            importlib.import_module(module)
    except Exception as error:  # whatever a module of somebody's does when it is imported
        names = ", ".join(modules)
        raise UnregisteredPartError(
            f"the modules of {SEARCH_PATH} and of installed packages ({names}) cannot all be imported: {error}"
        ) from error
