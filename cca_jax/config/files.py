"""A configuration by the name of a preset, or from a JSON file that is complete or names the preset it changes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from cca_jax.config.model_config import LATER_FIELDS, ModelConfig
from cca_jax.config.presets import PRESETS


def resolve_config(preset: str) -> ModelConfig:
    """A preset by name, or the configuration in a JSON file; see `read_config_file`.

    Raises:
        ValueError: neither; or the file holds something else.
    """
    return PRESETS[preset] if preset in PRESETS else read_config_file(preset)[0]


def read_config_file(preset: str) -> tuple[ModelConfig, str | None]:
    """The configuration in a JSON file, and the preset that it changes.

    The file names that preset, {"preset": "lite", "num_slices": 4, …}, or it is complete: it has every field that the
    first models had, and None is the preset.

    Raises:
        ValueError: no JSON file; or it holds something else.
    """
    if not preset.endswith(".json"):
        raise ValueError(f"no preset {preset!r}: choose {', '.join(sorted(PRESETS))} or give a .json configuration")
    try:
        values: Any = json.loads(Path(preset).read_text())
        if not isinstance(values, dict):
            raise ValueError("it is no JSON object")
        return _completed(values)
    except ValueError as error:
        raise ValueError(f"{preset} holds no configuration ({error}): its keys are those of ModelConfig") from error


def _completed(values: dict[str, Any]) -> tuple[ModelConfig, str | None]:
    base = values.pop("preset", None)
    if base is not None:
        if base not in list(PRESETS):  # a list or an object has no hash
            raise ValueError(f"its preset is {base!r}, which must be one of {', '.join(sorted(PRESETS))}")
        return ModelConfig.from_dict({**PRESETS[base].to_dict(), **values}), base
    needed = [field.name for field in dataclasses.fields(ModelConfig) if field.name not in LATER_FIELDS]
    if missing := [name for name in needed if name not in values]:
        raise ValueError(
            f"it leaves out {', '.join(missing)}: give all, or name the preset that it changes, as in "
            '{"preset": "lite", …}'
        )
    return ModelConfig.from_dict(values), None
