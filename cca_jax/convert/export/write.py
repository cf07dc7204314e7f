"""Writes a model's parts, tables and manifest into a folder of their own."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from cca_jax.bundles.bundle import CARD, Bundle, check_new_folder, load_bundle
from cca_jax.bundles.registry import locate
from cca_jax.convert.export.manifest import MANIFEST, TABLES, WEIGHTS, WrittenPart, manifest, table_arrays
from cca_jax.convert.export.parts import SCALES, Part, PartMaker, Spec, transforms
from cca_jax.convert.export.slices import slices
from cca_jax.convert.export.stablehlo import PLATFORMS, Program, check_installed, programs_of
from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.shapes import flatten
from cca_jax.tiling.buckets import bucket_side
from cca_jax.tiling.geometry import MAX_SIDE, area_of

STABLEHLO, ONNX = "stablehlo", "onnx"
_WHY_NO_ONNX = (
    "ONNX cannot be written: its one converter from JAX that is kept up, jax2onnx, takes neither the oldest nor the "
    "newest JAX that this package supports (docs/coding/export.md): use --format stablehlo"
)
Tell = Callable[[str, int, int], None]
"""(the name of the part that is being made, how many are, how many there are)."""


def export_model(
    name_or_path: str | Path,
    folder: str | Path,
    kind: str,
    size: tuple[int, int],
    platforms: tuple[str, ...] = PLATFORMS,
    tell: Tell | None = None,
) -> dict[str, Any]:
    """Exports a model; the folder appears whole or not at all.

    Args:
        name_or_path: an installed model, or its folder.
        folder: a new one.
        kind: `STABLEHLO`.
        size: width and height in pixels of the largest picture, whose bucket is the shape of all arrays.
        platforms: of StableHLO, some of `PLATFORMS`.
        tell: is told of each part before it is made.

    Returns:
        The manifest.

    Raises:
        ValueError: no such model or format, an impossible size, or a folder that is not new.
        ImportError: what the format takes is not installed.
        OSError: the folder cannot be written.
    """
    if kind != STABLEHLO:
        raise ValueError(_WHY_NO_ONNX if kind == ONNX else f"there is no format {kind!r}: choose {STABLEHLO}")
    check_new_folder(folder)
    source, folder, bucket = locate(name_or_path), Path(folder), bucket_of(*size)
    check_installed()
    bundle = load_bundle(source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".", suffix=".part") as scratch:
            part = Path(scratch) / "exported"
            part.mkdir()
            described = _write(part, bundle, bucket, platforms, tell)
            if (source / CARD).is_file():
                (part / CARD).write_bytes((source / CARD).read_bytes())
            os.replace(part, folder)
    except OSError as error:  # it names a hidden file, which would tell the user nothing
        raise OSError(error.errno, error.strerror, str(folder)) from error
    return described


def bucket_of(width: int, height: int) -> tuple[int, int]:
    """Height and width, in units of 64 pixels, of the arrays for a picture of that many pixels.

    Raises:
        ValueError: a side that no tile has.
    """
    units = area_of(height, width)
    if min(units) < 1 or max(units) > MAX_SIDE:
        raise ValueError(f"{width}x{height} pixels: a side has 1 to {MAX_SIDE * 64} of them")
    return bucket_side(units[0]), bucket_side(units[1])


def _write(
    folder: Path, bundle: Bundle, bucket: tuple[int, int], platforms: tuple[str, ...], tell: Tell | None
) -> dict[str, Any]:
    weights = {key: np.asarray(value, np.float32) for key, value in flatten(bundle.params).items()}
    weights[SCALES] = bundle.scales
    specs = {name: Spec(array.shape, array.dtype) for name, array in weights.items()}
    maker = PartMaker(CCAModel(bundle.config), bucket, specs)
    parts = [*transforms(maker), *slices(maker)]
    written: list[WrittenPart] = []
    for part in parts:
        if tell is not None:
            tell(part.name, len(written), len(parts))
        programs = dict(zip(platforms, programs_of(part, specs, platforms), strict=True))
        written.append(WrittenPart(part, programs, dict(_files(folder, part, programs))))
    described = manifest(bundle, bucket, STABLEHLO, written)
    (folder / MANIFEST).write_text(json.dumps(described, indent=2) + "\n")
    tables = {name: np.ascontiguousarray(array) for name, array in table_arrays(bundle).items()}
    (folder / TABLES).write_bytes(save(tables))
    taken = {name for one in written for program in one.programs.values() for name in program.weights}
    (folder / WEIGHTS).write_bytes(save({name: np.ascontiguousarray(weights[name]) for name in sorted(taken)}))
    return described


def _files(folder: Path, part: Part, programs: Mapping[str, Program]) -> Iterator[tuple[str, dict[str, str]]]:
    """Writes the programs of a part; by platform, the path of each kind of file."""
    for platform, program in programs.items():
        (folder / platform).mkdir(exist_ok=True)
        paths = {ending: f"{platform}/{part.name}.{ending}" for ending in program.files}
        for ending, content in program.files.items():
            (folder / paths[ending]).write_bytes(content)
        yield platform, paths
