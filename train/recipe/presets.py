"""How each preset is trained: the released recipe, and recipes for the small models.

A recipe is a set of `TrainConfig` fields. It depends on the target rate weight, because the released one does.
"""

from __future__ import annotations

from typing import Any

from cca_jax.config import PRESETS, read_config_file
from cca_jax.model.parts.chosen import are_the_papers
from cca_jax.model.recurrence import reads_context
from train.recipe.durations import Duration

RATE_WEIGHTS = (0.3, 0.85, 1.8, 3.5, 7.0, 15.0)
"""λ of the six released models, highest rate first."""
_HIGH_RATE, _LOW_RATE = 0.3, 2.0
_BETWEEN = 5.0
_ONE_FOR_ALL_RATES = {"lite": 0.05}
"""Presets of several rates, with their α: below the smallest λ, see `cca_jax.objective.loss`."""


def first_rate_weight(rate_weight: float) -> float:
    """The rate weight that the released recipe begins with: a model learns at a high rate first (section 4.1).

    Args:
        rate_weight: the target λ. The released models say 0.3 up to 3.5 and 2 from 7 on; between them the line is
            drawn at 5. A target below 0.3 has nothing higher to begin with.
    """
    return min(rate_weight, _HIGH_RATE if rate_weight < _BETWEEN else _LOW_RATE)


def recipe(preset: str, rate_weight: float) -> dict[str, Any]:
    """Fields of `TrainConfig` for a preset and a target λ.

    "paper" is the released recipe (section 4.1): 65 epochs of its 300 000 photos in batches of 8 crops of 256²; Adam
    at 1e-4, from epoch 56 on 1e-5, when λ also takes its target value. Other models learn with a moving average
    and a cosine, whose slow end does in hours what the drop does in days.

    Args:
        preset: a preset's name, or a .json file with a model's configuration: one that changes a preset is trained as
            that is.
        rate_weight: λ.

    Raises:
        ValueError: no such preset.
    """
    model, base = (PRESETS[preset], preset) if preset in PRESETS else read_config_file(preset)
    common = {"model": model, "rate_weight": rate_weight, "first_rate_weight": first_rate_weight(rate_weight)}
    if not reads_context(model):  # there is nothing that the CCA term could adjust
        common["cca"] = "off"
    if base == "paper":
        return {**common, "duration": Duration(65, "epochs"), "drop_at": Duration(56, "epochs")}
    small = {
        **common,
        "duration": Duration(100_000),
        "drop_at": Duration(20_000),
        "patch_size": 128,
        "learning_rate": 5e-4,
        "learning_rate_decay": "cosine",
        "warmup": Duration(500),
        "ema_decay": 0.999,
    }
    if base in _ONE_FOR_ALL_RATES:
        return {
            **small,
            "cca": "stopped",
            "cca_weight": _ONE_FOR_ALL_RATES[base],
            **common,
            "batch_size": 4,
            "patch_size": 256,  # a crop of 128 has four positions of the hyper-latent, which all see its edge
            "learning_rate": 8e-4,
            "hyper_warmup": Duration(3000),
            "cca_warmup": Duration(3000),  # beside networks that have not learned it says nothing, and once diverged
            "first_parameters": "coding" if are_the_papers(model) else "drawn",
        }
    return small


def finishing(defaults: dict[str, Any]) -> dict[str, Any]:
    """A recipe's fields for a run with `finish`: without the parts of the recipe that are about rates."""
    none = dict.fromkeys(("hyper_warmup", "cca_warmup"), Duration(0))
    rates = {"cca": "off", "rate_proxy": "rounded", "first_rate_weight": defaults["rate_weight"]}
    return {**defaults, **none, **rates}
