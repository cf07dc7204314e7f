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
from cca_jax.image_io.formats import kinds
from cca_jax.image_io.photo import Photo, flatten, read_photo

IMAGE_SUFFIXES = frozenset(
    {".apng", ".avif", ".avifs", ".bmp", ".dib", ".gif", ".heic", ".heics", ".heif", ".hif", ".icb", ".j2c", ".j2k"}
    | {".jfif", ".jif", ".jp2", ".jpc", ".jpe", ".jpeg", ".jpf", ".jpg", ".jpx", ".jxl", ".mpo", ".pam", ".pbm"}
    | {".pgm", ".png", ".pnm", ".ppm", ".qoi", ".tga", ".tif", ".tiff", ".vda", ".vst", ".webp"}
)
"""Endings of images, in lower case; a file that is named outright is judged by its content."""

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


def find_images(paths: Iterable[str | Path], passed_over: list[Path] | None = None) -> list[Path]:
    """Expands folders into the images directly inside them.

    Args:
        paths: files, kept as they are, and folders, replaced by the images directly inside them, sorted by name: what
            is named like one, or begins like one. Hidden files are left out.
        passed_over: gets the other files of the folders, but for .cca files, which may be an earlier run's.

    Raises:
        FileNotFoundError: a folder holds no image.
        OSError: a folder cannot be listed.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            found.append(path)
            continue
        inside = files.visible_files(path)
        images = [file for file in inside if is_image(file)]
        if not images:
            raise FileNotFoundError(f"{path}: the folder holds no file that is an image")
        found += images
        if passed_over is not None:
            passed_over += [file for file in inside if file not in set(images) and file.suffix.lower() != ".cca"]
    return found


def is_image(path: Path) -> bool:
    """Whether a file's name has the ending of an image, or its first bytes are those of one."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return kinds.is_marked(file.read(kinds.HEAD))
    except OSError:
        return False


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
    return opaque(read_photo(path))


def opaque(photo: Photo) -> ReadImage:
    """A picture as 8-bit RGB, on white where it is transparent."""
    notes = list(photo.notes)
    if photo.depth > 8:
        notes.append(f"{photo.depth} bits a sample were reduced to 8")
    if photo.alpha is not None:
        notes.append("transparency was composited on white")
    return ReadImage(flatten(photo), tuple(notes))


def write_image(path: str | Path, pixels: np.ndarray) -> None:
    """Writes an image losslessly, in the format its suffix names, whole or not at all.

    Args:
        path: as for `encode_image`; its folder must exist. An existing file is replaced.
        pixels: likewise.

    Raises:
        ImageError: as for `encode_image`.
        OSError: the folder is missing, not writable or full.
    """
    data = encode_image(path, pixels)
    try:
        files.write_atomically(path, data)
    except ValueError as error:
        raise ImageError(str(error)) from error


def encode_image(path: str | Path, pixels: np.ndarray) -> bytes:
    """The content of an image file, in the lossless format that its name asks for.

    Args:
        path: a file name ending in .png, .bmp, .ppm, .tif, .tiff or .webp.
        pixels: uint8 [H,W,3], at least one pixel.

    Raises:
        ImageError: the suffix is another, the array is not such an image, or the format cannot hold it.
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
    return buffer.getvalue()
