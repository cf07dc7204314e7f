"""The installed models: those of the package, and those in the folders that CCA_JAX_MODELS lists.

Several can be installed side by side; a file names its own by identity.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from cca_jax.bundles.bundle import CARD, CONFIG, PACKAGE_MODELS, WEIGHTS, load_bundle, stated_identity
from cca_jax.config import ModelConfig
from cca_jax.model.parameters.cost import Cost, coding_cost
from cca_jax.model.parameters.shapes import flatten
from cca_jax.model.registry import UnregisteredPartError

DEFAULT_MODEL = "lite"
"""The model that is used where none is named."""
_SEARCH_PATH = "CCA_JAX_MODELS"


@dataclasses.dataclass(frozen=True)
class ModelSummary:
    """What `cca-jax models` and `cca-jax info` say of a model.

    Attributes:
        name: what people call it.
        path: its folder.
        card: its model card, if it has one.
        identity: 8 bytes.
        parameters: how many numbers.
        bytes: size of the weights' file.
        description: one line.
        config: its sizes.
        cost: thousands of multiply-accumulates a pixel.
        qualities: ten over its range; empty for a model of a single rate.
    """

    name: str
    path: Path
    card: Path | None
    identity: bytes
    parameters: int
    bytes: int
    description: str
    config: ModelConfig
    cost: Cost
    qualities: tuple[float, ...] = ()


def summarize_model(name_or_path: str | Path) -> ModelSummary:
    """The summary of a model by name or folder; errors as in `locate` and `load_bundle`."""
    folder = locate(name_or_path)
    bundle = load_bundle(folder)
    card = folder / CARD
    return ModelSummary(
        name=bundle.name,
        path=folder,
        card=card if card.is_file() else None,
        identity=bundle.identity,
        parameters=sum(array.size for array in flatten(bundle.params).values()),
        bytes=(folder / WEIGHTS).stat().st_size,
        description=bundle.description,
        config=bundle.config,
        cost=coding_cost(bundle.config),
        qualities=bundle.qualities,
    )


def list_models() -> list[ModelSummary]:
    """The installed models that can be read: the package's, then those in the folders that CCA_JAX_MODELS lists."""
    summaries = []
    for folder in _installed():
        with contextlib.suppress(ValueError):  # a damaged or newer bundle must not hide the others
            summaries.append(summarize_model(folder))
    return summaries


def find_model(identity: bytes) -> Path:
    """The folder of the installed model with this identity.

    Raises:
        UnregisteredPartError: it has a part that this process does not know.
        ValueError: there is none.
    """
    for folder in _installed():
        if _is_model(folder, identity):
            return folder
    raise ValueError(
        f"the file was made with model {identity.hex()}, which is not installed here: give its folder with --model, "
        f"or put it into a folder that {_SEARCH_PATH} names"
    )


def _is_model(folder: Path, identity: bytes) -> bool:
    try:
        # Weights are read, and hashed, only where they are said to be the ones that are looked for.
        return stated_identity(folder) in (None, identity.hex()) and load_bundle(folder).identity == identity
    except UnregisteredPartError:
        raise
    except ValueError:  # a damaged one must not hide the others
        return False


def locate(name_or_path: str | Path) -> Path:
    """The folder of a model.

    Raises:
        ValueError: neither an installed name nor a bundle's folder.
    """
    folder = Path(name_or_path)
    for installed in _installed():
        if installed.name == str(name_or_path):
            return installed
    if (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file():
        return folder
    names = ", ".join(folder.name for folder in _installed()) or "none"
    raise ValueError(f"no model {str(name_or_path)!r}: give a folder with {CONFIG} and {WEIGHTS}, or one of: {names}")


def _installed() -> Iterator[Path]:
    others = [Path(part) for part in os.environ.get(_SEARCH_PATH, "").split(os.pathsep) if part]
    for parent in (PACKAGE_MODELS, *others):
        with contextlib.suppress(OSError):  # missing or unreadable: there are no models in it
            yield from sorted(folder for folder in parent.iterdir() if (folder / CONFIG).is_file())
