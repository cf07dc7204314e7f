"""What `compress` keeps of a picture beside its colors: the options that say so, and a photo as they leave it."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cca_jax.image_io.photo import Photo

WHITE = (255, 255, 255)
STRIPPED = ("all", "gps")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    group = parser.add_argument_group("what is kept", "By default all: transparency, gray, depth, profile, Exif, XMP.")
    group.add_argument(
        "--background",
        type=color,
        metavar="COLOR",
        help="composite transparency on a color, by its name or as #rrggbb, instead of keeping it",
    )
    group.add_argument(
        "--drop-alpha", action="store_true", help="composite transparency on the background, white by default"
    )
    group.add_argument(
        "--strip",
        nargs="?",
        const="all",
        choices=STRIPPED,
        metavar="all|gps",
        help="leave out color profile, Exif and XMP (all, also when none is named), or the location alone (gps)",
    )


def color(text: str) -> tuple[int, int, int]:
    """The `type` of an argument that is an opaque color: red, green and blue, 0 to 255, sRGB."""
    from PIL import ImageColor

    try:
        channels = ImageColor.getrgb(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no color: give a name such as white, or #rrggbb") from None
    if len(channels) != 3:
        raise argparse.ArgumentTypeError(f"{text!r} is transparent: give an opaque color, as #rrggbb")
    return channels


def keep(photo: Photo, args: argparse.Namespace) -> Photo:
    """A photo without what the options leave out; a note says so where transparency was composited."""
    from cca_jax.image_io.photo import composite
    from cca_jax.image_io.strip import strip_metadata

    if args.strip is not None:
        photo = strip_metadata(photo, args.strip)
    if photo.alpha is None or not (args.drop_alpha or args.background):
        return photo
    background = args.background or WHITE
    name = "white" if background == WHITE else "#{:02x}{:02x}{:02x}".format(*background)
    notes = (*photo.notes, f"transparency was composited on {name}")
    return dataclasses.replace(composite(photo, background), notes=notes)
