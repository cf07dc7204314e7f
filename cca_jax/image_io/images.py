"""Image files to 8-bit RGB arrays and back.

`read_image` accepts what people have (grey, palettes, transparency, rotated photos, 16 bits, CMYK, foreign colour
profiles, animations), turns it into the one thing the codec knows, and says in a note what that changed. What it cannot
take is refused with one clear line. `write_image` writes lossless formats only, so that what the codec decoded is what
the file holds.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from cca_jax.image_io import files
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.photo import flatten, read_photo

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".qoi", ".tga", ".tif", ".tiff", ".webp"}
)
"""What counts as an image when a folder is given; a file that is named outright is judged by its content."""

_WRITERS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".bmp": {"format": "BMP"},
    ".ppm": {"format": "PPM"},
    ".tif": {"format": "TIFF", "compression": "tiff_lzw"},
    ".tiff": {"format": "TIFF", "compression": "tiff_lzw"},
    ".webp": {"format": "WEBP", "lossless": True, "exact": True},
}


class ReadImage(NamedTuple):
    """An image and what its reader should know of it."""

    pixels: np.ndarray
    """uint8 [H,W,3], sRGB, upright."""

    notes: tuple[str, ...]
    """What reading changed (transparency gone, 16 bits reduced, …), one line each; empty for a plain image."""


def find_images(paths: Iterable[str | Path]) -> list[Path]:
    """Expands folders into the images directly inside them, sorted; see `files.find_files`."""
    return files.find_files(paths, IMAGE_SUFFIXES)


def can_write(path: str | Path) -> bool:
    """Whether `write_image` knows the format that the file name asks for."""
    return Path(path).suffix.lower() in _WRITERS


def check_writable(path: str | Path) -> None:
    """Refuses a file name that `write_image` could not serve, before anything is computed for it.

    Raises:
        ImageError: the suffix names no lossless format that is written here.
    """
    if not can_write(path):
        known = ", ".join(sorted(_WRITERS))
        raise ImageError(f"{path}: cannot write this kind of file: name one that ends in {known} (all lossless)")


def read_image(path: str | Path) -> ReadImage:
    """Reads an image file of any common kind as 8-bit RGB.

    Grey is replicated, palettes are looked up, transparency is composited on white, EXIF orientation is applied, 16
    bits are scaled to 8, CMYK and embedded colour profiles are converted to sRGB; of several frames the first is taken.

    Args:
        path: the file.

    Returns:
        The pixels and the notes.

    Raises:
        ImageError: the file is missing, unreadable, empty, no image, damaged, too large to be decoded safely, or of
            samples without a known range.
    """
    photo = read_photo(path)
    notes = list(photo.notes)
    if photo.depth > 8:
        notes.append(f"{photo.depth} bits a sample were reduced to 8")
    if photo.alpha is not None:
        notes.append("transparency was composited on white")
    return ReadImage(flatten(photo), tuple(notes))


def write_image(path: str | Path, pixels: np.ndarray) -> None:
    """Writes an image losslessly, in the format its suffix names, whole or not at all.

    Args:
        path: a file name ending in .png, .bmp, .ppm, .tif, .tiff or .webp; its folder must exist. An existing file is
            replaced.
        pixels: uint8 [H,W,3], at least one pixel.

    Raises:
        ImageError: the suffix is another, the array is not such an image, or the format cannot hold it.
        OSError: the folder is missing, not writable or full.
    """
    check_writable(path)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ImageError(f"{path}: expected pixels uint8 [H,W,3] but got {pixels.dtype} {list(pixels.shape)}")
    buffer = io.BytesIO()
    try:
        Image.fromarray(pixels).save(buffer, **_WRITERS[Path(path).suffix.lower()])
    except (OSError, ValueError) as error:
        height, width = pixels.shape[:2]
        raise ImageError(f"{path}: this format cannot hold {width}×{height} pixels ({error}): use .png") from error
    try:
        files.write_atomically(path, buffer.getvalue())
    except ValueError as error:
        raise ImageError(str(error)) from error
