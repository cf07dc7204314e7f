"""How `cca-jax decompress` writes images: its options, what a format takes of them, and what it leaves out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cca_jax.bulk.storage import streams
from cca_jax.bulk.work import Item
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.writing.formats import FORMATS, format_of

if TYPE_CHECKING:
    from cca_jax.image_io.photo import Photo

_DEFAULTS = ", ".join(
    f"{one.name} {one.default_quality:g}" for one in dict.fromkeys(FORMATS.values()) if one.default_quality is not None
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of what is written."""
    image = parser.add_argument_group("the image")
    image.add_argument(
        "--depth",
        choices=("8", "16", "auto"),
        default="auto",
        help="bits a sample; 16 are rounded from the networks' own numbers, whatever the original had; auto (the "
        "default) writes 16 where the original had more than 8 and the format holds them, else 8",
    )
    image.add_argument(
        "--quality",
        type=float,
        metavar="Q",
        help=f"0 to 100, of the image where its format loses something (default: {_DEFAULTS}); .webp and .jxl lose "
        "nothing without it",
    )
    image.add_argument(
        "--profile",
        choices=("srgb", "original"),
        default="srgb",
        help="colours as decoded, in sRGB (the default), or converted to the original's colour profile, with that in "
        "the image",
    )
    image.add_argument(
        "--strip",
        nargs="?",
        const="all",
        choices=("all", "gps"),
        metavar="gps",
        help="leave colour profile, Exif and XMP out of the image, or with gps the location alone",
    )


def image_name(item: Item) -> str:
    """The name whose ending is the image's format: a pipe without one takes PNG."""
    return f"{item.target}.png" if streams.is_pipe(item.target) and not Path(item.name).suffix else item.target


def check_options(item: Item, args: argparse.Namespace) -> None:
    """Refuses what could not be written, before anything is computed for it.

    Raises:
        ValueError: an image's format is not known, takes no quality, or holds no 16 bits where they are asked for; or
            two options exclude each other.
    """
    name = image_name(item)
    if item.target == streams.STANDARD and args.quality is not None:
        raise ValueError(
            "standard output gets a PNG, which has no quality: leave --quality out, or name a file with -o"
        )
    found = format_of(name, args.quality)
    if args.depth == "16" and not found.deep:
        deep = ", ".join(suffix for suffix, one in FORMATS.items() if one.deep)
        raise ImageError(
            f"{name}: {found.name} files are written with 8 bits a sample: leave --depth out, or name {deep}"
        )
    if args.strip == "all" and args.profile == "original":
        raise ValueError("--strip leaves out the profile that --profile original keeps: give one of the two")


def samples_depth(args: argparse.Namespace) -> int | None:
    """Bits that a sample is decoded with; None is as the original's."""
    return None if args.depth == "auto" else int(args.depth)


def encode(name: str, photo: Photo, args: argparse.Namespace) -> tuple[bytes, str | None]:
    """An image file's content, and in one line what of the picture is not in it.

    Args:
        name: whose ending is the format.
        photo: as decoded.
        args: the options.

    Raises:
        ImageError: the format cannot hold so many pixels.
    """
    from cca_jax.image_io.strip import strip_metadata
    from cca_jax.image_io.writing.encode import encode_photo

    kept = photo if args.strip is None else strip_metadata(photo, args.strip)
    encoded = encode_photo(kept, name, args.quality, args.profile)
    return encoded.data, "; ".join(encoded.notes) or None
