"""The JSON that says what is in an exported model's folder (docs/coding/export.md)."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cca_jax.bitstream.header import BOXED, QUALITY_STEPS, TILED, VERSION
from cca_jax.bundles.bundle import Bundle
from cca_jax.config import HYPER_STRIDE, LATENT_STRIDE
from cca_jax.config.quality_scale import MAX_QUALITY, MIN_QUALITY
from cca_jax.convert.export.parts import Part, Spec
from cca_jax.convert.export.stablehlo import Program
from cca_jax.entropy_coding.tables import PRECISION
from cca_jax.model.integer_network.rate import FACTOR_BITS, SHIFT_UNITS, rate_rows

FORMAT = 1
MANIFEST, TABLES, WEIGHTS = "manifest.json", "tables.safetensors", "weights.safetensors"
"""Files of an exported model."""


class WrittenPart(NamedTuple):
    """A part and its programs.

    Attributes:
        part: its name and task.
        programs: by platform.
        files: of each platform, the path within the folder by kind.
    """

    part: Part
    programs: Mapping[str, Program]
    files: Mapping[str, Mapping[str, str]]


def manifest(bundle: Bundle, bucket: tuple[int, int], kind: str, parts: Sequence[WrittenPart]) -> dict[str, Any]:
    """The manifest of a model.

    Args:
        bundle: the model.
        bucket: height and width of its programs' arrays in units of 64 pixels.
        kind: of its programs.
        parts: what was written.
    """
    config = bundle.config
    return {
        "format": FORMAT,
        "programs": kind,
        "made_with": {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "flax", "numpy")},
        "model": {
            "name": bundle.name,
            "identity": bundle.identity.hex(),
            "scale_source": config.scale_source,
            "exact_symbols": config.exact_scales,
            "slices": list(config.slice_sizes),
            "latent_channels": config.latent_channels,
            "hyper_channels": config.hyper_channels,
            "configuration": config.to_dict(),
        },
        "bitstream": {"versions": [VERSION, TILED, BOXED], "streams": 1 + config.num_slices},
        "shape": {
            "unit": HYPER_STRIDE,
            "units": list(bucket),
            "pixels": [side * HYPER_STRIDE for side in bucket],
            "latent_stride": LATENT_STRIDE,
        },
        "rates": _rates(bundle),
        "tables": {
            "file": TABLES,
            "precision": PRECISION,
            "arrays": {name: _described(array) for name, array in table_arrays(bundle).items()},
        },
        "weights": {"file": WEIGHTS},
        "parts": {part.part.name: _part(part) for part in parts},
    }


def table_arrays(bundle: Bundle) -> dict[str, np.ndarray]:
    """What an entropy coder needs: cumulative counts, and what integers say of the rates."""
    arrays = {
        f"{kind}/{name}": array
        for kind, tables in (("hyper", bundle.hyper), ("latent", bundle.latent))
        for name, array in tables.to_arrays().items()
    }
    if bundle.config.rate_weights and bundle.config.exact_scales:
        arrays["rates/factors"], arrays["rates/shifts"] = rate_rows(bundle.config, _log_steps(bundle))
    return arrays


def _log_steps(bundle: Bundle) -> np.ndarray:
    return np.asarray(bundle.params["rates"]["log_step"], np.float32)


def _rates(bundle: Bundle) -> dict[str, Any] | None:
    if not bundle.config.rate_weights:
        return None
    rates: dict[str, Any] = {
        "count": bundle.config.num_rates,
        "least_quality": MIN_QUALITY,
        "greatest_quality": MAX_QUALITY,
        "quality_steps": QUALITY_STEPS,
    }
    if bundle.config.exact_scales:
        rates |= {"factor_bits": FACTOR_BITS, "shift_units": SHIFT_UNITS}
    return rates


def _part(written: WrittenPart) -> dict[str, Any]:
    first = next(iter(written.programs.values()))
    return {
        "task": written.part.task,
        "weights": list(first.weights),
        "inputs": {name: _described(spec) for name, spec in first.inputs.items()},
        "outputs": {name: _described(spec) for name, spec in first.outputs.items()},
        "files": written.files,
    }


def _described(array: Spec | np.ndarray) -> dict[str, Any]:
    return {"dtype": np.dtype(array.dtype).name, "shape": list(array.shape)}
