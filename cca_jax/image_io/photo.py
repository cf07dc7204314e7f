"""A picture as it was taken: colours, transparency, depth and metadata, of any file that people have.

`read_photo` is the one reader. `flatten` gives what a codec of opaque 8-bit pictures sees of it.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from cca_jax.image_io import srgb
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.exif import as_tiff, upright_exif
from cca_jax.image_io.pillow import FORMATS, TURNS, explain, note_source, orientation

WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Metadata:
    """What a file says beside its picture; None where it says nothing."""

    icc: bytes | None = None
    """The colour profile of the file's own samples."""

    exif: bytes | None = None
    """A TIFF structure, without the prefix of JPEG's segment; its orientation is 1, since the pixels are upright."""

    xmp: bytes | None = None
    """An XMP packet, XML in UTF-8."""


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


def read_photo(source: str | Path | bytes | BinaryIO) -> Photo:
    """Reads a picture of any common kind.

    Args:
        source: a file's path, its bytes, or a stream of them, which is read to its end.

    Returns:
        The picture, upright, in sRGB.

    Raises:
        ImageError: the file is missing, unreadable, empty, no image, damaged, too large to be decoded safely, or of
            samples without a known range.
    """
    name, data = _load(source)
    # Pillow warns of oddities (broken EXIF, large images) that are either harmless here or become errors below.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return decode_photo(data, name)


def decode_photo(data: bytes, name: str | Path) -> Photo:
    """What `read_photo` does, for many threads at once: Python silences warnings for all of them or for none.

    Args:
        data: the encoded picture.
        name: what errors call it.

    Raises:
        ImageError: as `read_photo`.
    """
    notes: list[str] = []
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            note_source(image, notes)
            image.load()
            # EXIF last: a PNG may carry it behind the pixels, and Pillow turns a TIFF by itself.
            turn = TURNS.get(orientation(image))
            gray = image.mode in srgb.GRAY_MODES or image.mode.startswith("I")
            colors, alpha = srgb.to_srgb(image, notes)
            metadata = _metadata(image)
    except MemoryError:  # the machine's fault, not the file's
        raise
    except Exception as error:  # a decoder raises whatever its format's damage led it to
        raise ImageError(f"{name}: {explain(error)}") from error
    if turn is not None:
        colors = colors.transpose(turn)
        alpha = None if alpha is None else alpha.transpose(turn)
    return Photo(
        pixels=np.array(colors),
        depth=8,
        gray=gray,
        alpha=None if alpha is None else np.array(alpha),
        metadata=metadata,
        notes=tuple(notes),
    )


def flatten(photo: Photo, background: tuple[int, int, int] = WHITE) -> np.ndarray:
    """The picture in 8 bits, laid on a background where it is transparent.

    Args:
        photo: any.
        background: red, green and blue, 0 to 255, sRGB.

    Returns:
        uint8 [H, W, 3].
    """
    pixels = photo.pixels
    if photo.alpha is not None:
        most = int(np.iinfo(pixels.dtype).max)
        alpha = photo.alpha[..., None].astype(np.uint64)
        behind = np.array(background, np.uint64) * (most // 255)
        pixels = ((pixels * alpha + behind * (most - alpha) + most // 2) // most).astype(pixels.dtype)
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _load(source: str | Path | bytes | BinaryIO) -> tuple[str, bytes]:
    """What errors call a source, and its bytes.

    Raises:
        ImageError: there are none, or they cannot be read.
    """
    if isinstance(source, bytes):
        name, data = "image", source
    elif isinstance(source, (str, Path)):
        name = str(source)
        try:
            if Path(source).is_dir():
                raise ImageError(f"{name}: is a folder, not an image")
            data = Path(source).read_bytes()
        except OSError as error:
            raise ImageError(f"{name}: {explain(error)}") from error
    else:
        name, data = str(getattr(source, "name", "image")), source.read()
    if not data:
        raise ImageError(f"{name}: the file is empty: give an image")
    return name, data


def _metadata(image: Image.Image) -> Metadata:
    exif = as_tiff(image.info.get("exif"))
    xmp = image.info.get("xmp")
    return Metadata(
        icc=image.info.get("icc_profile") or None,
        exif=upright_exif(exif),
        xmp=xmp.encode() if isinstance(xmp, str) else xmp or None,
    )
