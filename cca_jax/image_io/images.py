"""Image files to 8-bit RGB arrays and back.

`read_image` accepts what people have (grey, palettes, transparency, rotated photos, 16 bits, CMYK, foreign colour
profiles, animations), turns it into the one thing the codec knows, and says in a note what that changed. What it cannot
take is refused with one clear line. `write_image` writes lossless formats only, so that what the codec decoded is what
the file holds.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from cca_jax.image_io import files, srgb

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".qoi", ".tga", ".tif", ".tiff", ".webp"}
)
"""What counts as an image when a folder is given; a file that is named outright is judged by its content."""

# Named, because Pillow would otherwise also try formats that run other programs (EPS) or fetch drivers.
_FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "QOI", "TGA")

_WRITERS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".bmp": {"format": "BMP"},
    ".ppm": {"format": "PPM"},
    ".tif": {"format": "TIFF", "compression": "tiff_lzw"},
    ".tiff": {"format": "TIFF", "compression": "tiff_lzw"},
    ".webp": {"format": "WEBP", "lossless": True, "exact": True},
}

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to the turn that undoes it; 1 and anything unknown mean upright."""


class ImageError(ValueError):
    """A file cannot be used as an image, or an image cannot be written; the message is one line for the user."""


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
    path = Path(path)
    notes: list[str] = []
    _check_file(path)
    # Pillow warns of oddities (broken EXIF, large images) that are either harmless here or become errors below.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Not by its name: Pillow would map the file into memory, and decode rotated TIFFs wrongly.
            with path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
                _note_source(image, notes)
                image.load()
                # EXIF last: a PNG may carry it behind the pixels, and Pillow turns a TIFF by itself.
                turn = _TURNS.get(_orientation(image))
                upright = srgb.to_srgb(image, notes)
        except MemoryError:  # the machine's fault, not the file's
            raise
        except Exception as error:  # a decoder raises whatever its format's damage led it to
            raise ImageError(f"{path}: {_explain(error)}") from error
    if turn is not None:
        upright = upright.transpose(turn)
    return ReadImage(np.array(upright), tuple(notes))


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


def _check_file(path: Path) -> None:
    """Refuses a path that is not a file, or an empty one: Pillow's own message would not say so."""
    try:
        if path.is_dir():
            raise ImageError(f"{path}: is a folder, not an image")
        size = path.stat().st_size
    except OSError as error:
        raise ImageError(f"{path}: {_explain(error)}") from error
    if size == 0:
        raise ImageError(f"{path}: the file is empty: give an image")


def _note_source(image: Image.Image, notes: list[str]) -> None:
    """Notes what decoding is about to drop, which a decoded picture no longer shows."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        notes.append(f"holds {frames} frames, of which only the first was taken")
    for tile in getattr(image, "tile", ()):
        arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        raw = str(arguments[0]) if arguments else ""
        # "BGR;16" packs a pixel, not a sample, into 16 bits. Modes I and I;16 reach srgb.py with their bits intact.
        deep = ";16" in raw and not raw.startswith("BGR")
        if image.mode[0] != "I" and (deep or (tile.codec_name == "ppm" and arguments[-1] > 255)):
            notes.append("16 bits a sample were reduced to 8")
            return


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF is no reason to refuse a picture that decodes
        return 1


def _explain(error: Exception) -> str:
    """What is wrong with the file and what to do, in one line."""
    if isinstance(error, Image.DecompressionBombError):
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        return f"claims more pixels than the {limit:,} that are decoded safely: scale it down or cut it"
    if isinstance(error, UnidentifiedImageError):
        return "is not an image of a known format: give a PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF or PPM file"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    message = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, srgb.UnknownSamplesError):
        return message
    return f"is damaged or cut short ({message}): get a whole copy"
