"""`cca-jax info`: what a .cca file or a model is."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from cca_jax.bulk.storage import stores, streams
from cca_jax.cli.console import print_json, print_table
from cca_jax.cli.errors import describe
from cca_jax.cli.figures import bits_per_pixel
from cca_jax.cli.library import cca_files, models
from cca_jax.tiling.geometry import UNIT


def add_parser(subparsers: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Adds the subcommand's arguments."""
    parser = subparsers.add_parser(
        "info",
        parents=[common],
        help="say what a .cca file or a model is",
        description="Says what a .cca file or a model is. A file's header and boxes are read, not its streams.",
    )
    parser.add_argument(
        "target",
        metavar="FILE.cca|MODEL",
        help="a .cca file, - for one on standard input, a model's name or a model folder",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the table; returns the exit status."""
    path = Path(args.target)
    if args.target == streams.STANDARD or path.suffix.lower() == ".cca" or (path.exists() and not path.is_dir()):
        facts = file_facts(args.target)
        rows = _file_rows(facts)
    else:
        summary = models.model_summary(args.target)
        provenance = models.model_provenance(summary.path)
        facts = {**model_facts(summary), "provenance": None if provenance is None else provenance.to_dict()}
        rows = _model_rows(facts, "not stated" if provenance is None else format_provenance(provenance))
    if args.json:
        print_json(facts)
    else:
        print_table(rows)
    return 0


def file_facts(place: str | Path) -> dict[str, Any]:
    """What the header and the boxes of a .cca file say, as plain values for JSON.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a .cca file.
    """
    data = stores.read(str(place))
    path = Path(streams.title(str(place)))
    try:
        header = cca_files.read_header(data)
        beside = cca_files.box_facts(header)
    except ValueError as error:
        raise ValueError(describe(error, path)) from error
    lengths, grid = header.lengths, header.grid
    return {
        "kind": "file",
        "path": str(path),
        "bytes": len(data),
        "width": header.width,
        "height": header.height,
        "bits_per_pixel": bits_per_pixel(len(data), header.height, header.width),
        "quality": header.quality,
        "model": {"identity": header.model_identity.hex(), "name": models.model_name(header.model_identity)},
        "coder": {"identifier": header.coder, "name": cca_files.coder_name(header.coder)},
        "tiles": {
            "rows": grid.rows,
            "columns": grid.columns,
            "height": UNIT * grid.tile[0],
            "width": UNIT * grid.tile[1],
        },
        **beside,
        "header_bytes": header.size,
        "streams": {"z": lengths[0], "y": list(lengths[1:])},
        "whole_streams": header.whole_streams(len(data)),
    }


def model_facts(summary: Any) -> dict[str, Any]:
    """What a model's summary says, as plain values for JSON."""
    return {
        "kind": "model",
        "name": summary.name,
        "path": str(summary.path),
        "card": None if summary.card is None else str(summary.card),
        "identity": summary.identity.hex(),
        "parameters": summary.parameters,
        "bytes": summary.bytes,
        "description": summary.description,
        "kmac_per_pixel": summary.cost._asdict(),
        "qualities": list(summary.qualities),
        "config": dataclasses.asdict(summary.config),
    }


def _file_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    streams = [facts["streams"]["z"], *facts["streams"]["y"]]
    whole = facts["whole_streams"]
    state = "complete" if whole == len(streams) else f"cut short: {whole} of {len(streams)} streams are whole"
    model, coder = facts["model"], facts["coder"]
    return [
        ("file", facts["path"]),
        ("image", f"{facts['width']}×{facts['height']} pixels"),
        ("size", f"{facts['bytes']:,} bytes, {facts['bits_per_pixel']:.4f} bits per pixel"),
        ("state", state),
        ("model", f"{model['name'] or 'not installed here'} ({model['identity']})"),
        ("quality", "the model's only one" if facts["quality"] is None else f"{facts['quality']:g}"),
        ("coder", coder["name"] or f"number {coder['identifier']}, not known to this version"),
        ("tiles", format_tiles(facts["tiles"])),
        *_box_rows(facts),
        ("header", f"{facts['header_bytes']} bytes"),
        ("stream z", f"{streams[0]:,} bytes"),
        *((f"stream y{k}", f"{length:,} bytes") for k, length in enumerate(streams[1:], start=1)),
    ]


def _box_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Samples always; what lies in boxes where it is there."""
    rows = [("samples", f"{facts['depth']} bits, {'gray' if facts['gray'] else 'RGB'}")]
    if alpha := facts["alpha"]:
        rows.append(("alpha", "{bytes:,} bytes, {width}×{height} pixels at column {left}, row {top}".format(**alpha)))
    if profile := facts["color_profile"]:
        rows.append(("profile", f"{profile['name'] or 'without a name'}, {_sizes(profile)}"))
    rows += [(title, _sizes(facts[name])) for title, name in (("Exif", "exif"), ("XMP", "xmp")) if facts[name]]
    rows += [(f"box {box['kind']}", f"{box['bytes']:,} bytes, not known here") for box in facts["unknown_boxes"]]
    return rows


def _sizes(facts: dict[str, Any]) -> str:
    stored, unpacked = facts["bytes"], facts["unpacked_bytes"]
    return f"{stored:,} bytes" + ("" if unpacked is None else f", {unpacked:,} unpacked")


def _model_rows(facts: dict[str, Any], trained: str) -> list[tuple[str, str]]:
    rows = [
        ("model", facts["name"]),
        ("description", facts["description"]),
        ("folder", facts["path"]),
        ("card", facts["card"] or "none"),
        ("identity", facts["identity"]),
        ("parameters", f"{facts['parameters']:,}"),
        ("size", f"{facts['bytes']:,} bytes"),
        (
            "arithmetic",
            "{encode:.1f} to encode, {decode:.1f} to decode, in kMAC/pixel".format(**facts["kmac_per_pixel"]),
        ),
        ("qualities", format_qualities(facts["qualities"])),
        ("trained", trained),
    ]
    return rows + [(key, str(value)) for key, value in facts["config"].items()]


def format_tiles(tiles: dict[str, int]) -> str:
    """How an image is cut, in a few words."""
    count = tiles["rows"] * tiles["columns"]
    if count == 1:
        return "one"
    return "{0}: {columns} columns, {rows} rows, each of up to {width}×{height} pixels".format(count, **tiles)


def format_provenance(provenance: Any) -> str:
    """How a model was trained, in a few words."""
    data = ", ".join(f"{part.images} of {part.name}" for part in provenance.data)
    runs = "1 run" if len(provenance.runs) == 1 else f"{len(provenance.runs)} runs"
    return (
        f"{provenance.steps:,} steps, {provenance.crops:,} crops, {runs}, {provenance.hours:g} hours on "
        f"{provenance.device}; photographs: {data}"
    )


def format_qualities(qualities: list[float]) -> str:
    """The qualities a model offers, in a few words."""
    return f"{min(qualities):g} to {max(qualities):g}" if qualities else "one"
