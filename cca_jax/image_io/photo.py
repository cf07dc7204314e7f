"""A picture with all that it holds: colours, transparency, depth and metadata, of any file that people have.

`read_photo` is the one reader. `flatten` gives what a codec of opaque 8-bit pictures sees of it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from cca_jax.image_io.color import convert, icc
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.formats import kinds
from cca_jax.image_io.formats.pillow import TURNS
from cca_jax.image_io.formats.raster import Metadata, Raster
from cca_jax.image_io.formats.structures import exif

__all__ = ["WHITE", "Metadata", "Photo", "composite", "decode_photo", "flatten", "load_bytes", "read_photo"]

WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Photo:
    """A picture, upright, in sRGB."""

    pixels: np.ndarray
    """[H, W, 3]: uint8 where `depth` is 8, else uint16 over all of 0 to 65535. Not multiplied by alpha."""

    depth: int
    """Bits of the source's samples, 8 to 16; sources of fewer bits count as 8."""

    gray: bool
    """Whether the source is a grey picture; the three channels are then equal."""

    alpha: np.ndarray | None
    """[H, W] of the type of `pixels`; None where every pixel is opaque."""

    metadata: Metadata
    """What came with the picture."""

    notes: tuple[str, ...]
    """What a reader of the pixels should know (a profile was damaged, frames were left out, …), one line each."""


def read_photo(source: str | Path | bytes | BinaryIO, tone_map: bool = False) -> Photo:
    """Reads a picture of any common kind.

    Args:
        source: a file's path, its bytes, or a stream of them, which is read to its end.
        tone_map: fit high dynamic range to that of sRGB, instead of refusing it.

    Returns:
        The picture, upright, in sRGB, with arrays that may be written to.

    Raises:
        ImageError: the file is missing, unreadable, empty, no image, damaged, too large to be decoded safely, of
            samples or colours that are not read, or of high dynamic range without `tone_map`.
    """
    name, data = load_bytes(source)
    # Pillow warns of oddities (broken EXIF, large images) that are either harmless here or become errors below.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        photo = decode_photo(data, name, tone_map)
    return photo if photo.pixels.flags.writeable else Photo(**{**vars(photo), "pixels": photo.pixels.copy()})


def decode_photo(data: bytes, name: str | Path, tone_map: bool = False) -> Photo:
    """What `read_photo` does, for many threads at once: Python silences warnings for all of them or for none.

    Args:
        data: the encoded picture.
        name: what errors call it.
        tone_map: as `read_photo`.

    Returns:
        The picture; its arrays are not to be written to.

    Raises:
        ImageError: as `read_photo`.
    """
    if not data:
        raise ImageError(f"{name}: the file is empty: give an image")
    try:
        return _photo(kinds.decode(data), tone_map)
    except MemoryError:  # the machine's fault, not the file's
        raise
    except Exception as error:  # a decoder raises whatever its format's damage led it to
        raise ImageError(f"{name}: {_explain(error)}") from error


def composite(photo: Photo, background: tuple[int, int, int] = WHITE) -> Photo:
    """The picture laid on a background where it is transparent, at its own depth; an opaque one as it is.

    Args:
        photo: any.
        background: red, green and blue, 0 to 255, sRGB.
    """
    if photo.alpha is None:
        return photo
    most = int(np.iinfo(photo.pixels.dtype).max)
    alpha = photo.alpha[..., None].astype(np.uint32)
    behind = np.array(background, np.uint32) * (most // 255)
    # At most 65535² + 32767, which uint32 holds.
    pixels = ((photo.pixels * alpha + behind * (most - alpha) + most // 2) // most).astype(photo.pixels.dtype)
    return replace(photo, pixels=pixels, alpha=None, gray=photo.gray and len(set(background)) == 1)


def flatten(photo: Photo, background: tuple[int, int, int] = WHITE) -> np.ndarray:
    """The picture in 8 bits, laid on a background where it is transparent.

    Args:
        photo: any.
        background: as for `composite`.

    Returns:
        uint8 [H, W, 3].
    """
    pixels = composite(photo, background).pixels
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _photo(raster: Raster, tone_map: bool) -> Photo:
    notes, alpha, samples = raster.notes, raster.alpha, raster.samples
    if alpha is not None and alpha.min() == np.iinfo(alpha.dtype).max:  # it hides nothing
        alpha = None
    if raster.premultiplied and alpha is not None:
        samples = _divide(samples, alpha)
    pixels = convert.to_srgb(samples, raster.model, raster.statements, notes, tone_map)
    metadata = raster.metadata
    # One that was ignored would mislead whoever restores the picture.
    profile = metadata.icc if metadata.icc and icc.fits(metadata.icc, raster.model) else None
    return Photo(
        pixels=_turn(pixels, raster.orientation),
        depth=raster.depth,
        gray=raster.model == "gray",
        alpha=None if alpha is None else _turn(np.ascontiguousarray(alpha), raster.orientation),
        metadata=Metadata(profile, exif.upright_exif(metadata.exif), exif.upright_xmp(metadata.xmp)),
        notes=tuple(notes),
    )


def _divide(samples: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours that were multiplied by alpha, as they were before; black where alpha is 0."""
    most = int(np.iinfo(samples.dtype).max)
    below = np.maximum(alpha, 1).astype(np.uint32)
    below = below if samples.ndim == 2 else below[..., None]
    return np.minimum((samples.astype(np.uint32) * most + below // 2) // below, most).astype(samples.dtype)


def _turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undoes the turn that Exif's orientation, 1 to 8, says a camera made; [H, W] or [H, W, 3]."""
    turn = TURNS.get(orientation)
    if turn is None:
        return pixels
    if pixels.dtype == np.uint8:
        return np.asarray(Image.fromarray(pixels).transpose(turn))
    # Pillow has no 16-bit colours. Their low and high bytes turn alike, and faster than NumPy would copy them.
    low, high = (np.asarray(Image.fromarray(half).transpose(turn)) for half in _bytes_of(pixels))
    return low | high.astype(np.uint16) << 8


def _bytes_of(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The low and the high bytes of uint16."""
    return (pixels & 255).astype(np.uint8), (pixels >> 8).astype(np.uint8)


def load_bytes(source: str | Path | bytes | BinaryIO) -> tuple[str, bytes]:
    """What errors call a source, and its bytes.

    Raises:
        ImageError: they cannot be read.
    """
    if isinstance(source, bytes):
        name, data = "image", source
    elif isinstance(source, (str, Path)):
        name = str(source)
        try:
            if Path(source).is_dir():
                raise ImageError(f"{name}: is a folder, not an image")
            with Path(source).open("rb") as file:
                data = _read_image(file)
        except OSError as error:
            raise ImageError(f"{name}: {_explain(error)}") from error
    else:
        name, data = str(getattr(source, "name", "image")), _read_image(source)
    return name, data


def _read_image(file: BinaryIO) -> bytes:
    """All of a file that begins like an image; a little of another one, which may never end."""
    head = file.read(kinds.HEAD)
    return head if kinds.kind_of(head) is None else head + file.read()


def _explain(error: Exception) -> str:
    """What is wrong with the file and what to do, in one line."""
    message = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ImageError):
        return message
    if isinstance(error, Image.DecompressionBombError):
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        return f"claims more pixels than the {limit:,} that are decoded safely: scale it down or cut it"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    if isinstance(error, UnidentifiedImageError):
        message = "its header makes no sense"
    return f"is damaged or cut short ({message}): get a whole copy"
