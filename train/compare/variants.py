"""What a variant is: the options of a run that set it apart, in a JSON file."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cca_jax.config import ModelConfig
from train.recipe.config import REPORTING_ONLY, TrainConfig
from train.recipe.options import add_recipe, add_run, config_of

MATCHED = frozenset(
    {"data", "duration", "batch_size", "patch_size", "seed", "photos_on_device", "crop_weight", "validation_photos"}
)
"""The fields of a run that all variants have in common: they decide which crops are seen, or what is measured."""

_OWN = ("preset", "init_from")


@dataclasses.dataclass(frozen=True)
class Variant:
    """One of the things compared.

    Attributes:
        name: of its file, without the suffix.
        options: those of `python -m train` by their names with underscores.
        model: fields of the model's configuration that differ from the preset's.
    """

    name: str
    options: Mapping[str, Any]
    model: Mapping[str, Any]

    def run(self, common: argparse.Namespace, seed: int) -> tuple[TrainConfig, str | None]:
        """The configuration of its run with a seed, and what the run begins from.

        Args:
            common: the options that all variants share.
            seed: of the run.

        Raises:
            ValueError: options that cannot be.
        """
        try:
            options = _parser().parse_args(_words(self.options), copy.copy(common))
            options.seed = seed
            config = config_of(options)
            model = ModelConfig.from_dict({**config.model.to_dict(), **self.model})
            return dataclasses.replace(config, model=model), options.init_from
        except (ValueError, TypeError) as error:
            raise ValueError(f"variant {self.name}: {error}") from error


def read_variant(path: Path) -> Variant:
    """A variant from its file.

    Raises:
        ValueError: the file holds something else, or names an option that no variant may have of its own.
    """
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f'{path} holds no variant: write an object of options, such as {{"cca": "off"}}')
    model = values.pop("model", {})
    if not isinstance(model, dict):
        raise ValueError(f'{path}: "model" takes an object of fields of ModelConfig')
    if matched := sorted(set(values) & (MATCHED | REPORTING_ONLY | {"steps", "epochs"})):
        raise ValueError(f"{path}: {', '.join(matched)}: all variants have this in common: give it on the command line")
    known = {field.name for field in dataclasses.fields(TrainConfig)} - MATCHED - REPORTING_ONLY - {"model"}
    if unknown := sorted(set(values) - known - set(_OWN)):
        raise ValueError(f"{path}: no option {', '.join(unknown)}: there are {', '.join(sorted({*known, *_OWN}))}")
    return Variant(path.stem, values, model)


def read_variants(paths: list[Path]) -> list[Variant]:
    """All variants, the first of which the others are compared with.

    Raises:
        ValueError: one that cannot be read, or two of one name.
    """
    variants = [read_variant(path) for path in paths]
    names = [variant.name for variant in variants]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two variants are called {repeated[0]}: rename a file")
    return variants


class _RaisingParser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise ValueError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _RaisingParser(add_help=False, allow_abbrev=False)
    add_run(parser)
    add_recipe(parser)
    return parser


def _words(options: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words.append(f"--{flag}={value}")
    return words
