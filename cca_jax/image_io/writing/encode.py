"""A photo as the bytes of an image file, and what the format had no place for."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
from PIL import Image

from cca_jax.image_io import files
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.photo import Photo
from cca_jax.image_io.writing import png, tiff
from cca_jax.image_io.writing.formats import Format, format_of
from cca_jax.image_io.writing.profile import in_original, in_srgb

PROFILES = ("srgb", "original")
_JPEG_SEGMENT = 65533 - len(b"http://ns.adobe.com/xap/1.0/\0")
"""Bytes of Exif or XMP that one segment of a JPEG holds with what is before them."""


class EncodedImage(NamedTuple):
    """An image file.

    Attributes:
        data: its bytes.
        notes: what the photo had and the file has not, one line each.
    """

    data: bytes
    notes: tuple[str, ...]


def write_photo(path: str | Path, photo: Photo, quality: float | None = None, profile: str = "srgb") -> tuple[str, ...]:
    """Writes a photo in the format that the file's name asks for, whole or not at all; the notes of `encode_photo`.

    Args:
        path: its folder must exist. An existing file is replaced.
        photo: as for `encode_photo`, as the rest.
        quality: see there.
        profile: see there.

    Raises:
        ImageError: the format is not known, takes no quality, or cannot hold the picture.
        OSError: the folder is missing, not writable or full.
    """
    encoded = encode_photo(photo, path, quality, profile)
    try:
        files.write_atomically(path, encoded.data)
    except ValueError as error:
        raise ImageError(str(error)) from error
    return encoded.notes


def encode_photo(photo: Photo, path: str | Path, quality: float | None = None, profile: str = "srgb") -> EncodedImage:
    """The file of a photo.

    Args:
        photo: in sRGB, its metadata those of the original; of type uint16 it is written with 16 bits where the format
            has them.
        path: whose ending names the format (`formats.FORMATS`).
        quality: 0 to 100 for JPEG, AVIF, WebP and JPEG XL; None takes 95 for JPEG, 90 for AVIF, and loses nothing in
            the others.
        profile: "srgb" writes the pixels as they are and labels them so; "original" converts them to the profile of the
            original and labels them with that. Without a profile there is no label.

    Raises:
        ImageError: the format is not known, takes no quality, or cannot hold the picture.
    """
    found, notes = format_of(path, quality), list[str]()
    fitted = _fit(photo, found, notes)
    if profile == "srgb":
        fitted = in_srgb(fitted)
    elif found.icc:
        fitted = in_original(fitted, notes)
    elif fitted.metadata.icc is not None:
        notes.append(f"{found.name} files are written in sRGB, not in the original's colour profile")
    encode = _ENCODERS[found.name]
    try:
        return EncodedImage(encode(fitted, found.default_quality if quality is None else quality), tuple(notes))
    except (OSError, ValueError, RuntimeError) as error:
        height, width = photo.pixels.shape[:2]
        raise ImageError(f"{path}: {found.name} cannot hold {width}×{height} pixels ({error}): use .png") from error


def _fit(photo: Photo, found: Format, notes: list[str]) -> Photo:
    """The photo less what the format has no place for."""
    if photo.alpha is not None and not found.alpha:
        notes.append(f"transparency was composited on white: {found.name} files have none")
        photo = dataclasses.replace(photo, pixels=_on_white(photo.pixels, photo.alpha), alpha=None)
    if photo.pixels.dtype != np.uint8 and not found.deep:
        notes.append(f"16 bits a sample were reduced to 8: {found.name} files are written with 8")
        alpha = None if photo.alpha is None else _to_8_bits(photo.alpha)
        photo = dataclasses.replace(photo, pixels=_to_8_bits(photo.pixels), alpha=alpha, depth=8)
    metadata = photo.metadata
    for name in ("exif", "xmp"):
        content, title = getattr(metadata, name), {"exif": "Exif", "xmp": "XMP"}[name]
        if content is None:
            continue
        if not found.metadata:
            notes.append(f"{title} was left out: {found.name} files have no place for it")
        elif found.name == "JPEG" and len(content) > _JPEG_SEGMENT:
            notes.append(f"{title} was left out: its {len(content):,} bytes do not fit into a segment of a JPEG file")
        else:
            continue
        metadata = dataclasses.replace(metadata, **{name: None})
    return dataclasses.replace(photo, metadata=metadata)


def _on_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The picture on white at its own depth."""
    most = int(np.iinfo(pixels.dtype).max)
    result = np.empty_like(pixels)
    for row, (colors, opacity) in enumerate(zip(pixels, alpha, strict=True)):  # row by row: doubles take much memory
        share = opacity[:, None] / most
        result[row] = np.rint(colors * share + most * (1 - share))
    return result


def _to_8_bits(samples: np.ndarray) -> np.ndarray:
    return ((samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _samples(photo: Photo) -> np.ndarray:
    """[H, W], or [H, W, C] with alpha last."""
    colors = photo.pixels[..., :1] if photo.gray else photo.pixels
    channels = colors if photo.alpha is None else np.concatenate([colors, photo.alpha[..., None]], axis=2)
    return np.ascontiguousarray(channels[..., 0] if channels.shape[2] == 1 else channels)


def _by_pillow(file_format: str, **options: object) -> Callable[[Photo, float | None], bytes]:
    def encode(photo: Photo, quality: float | None) -> bytes:
        metadata = photo.metadata
        # Named for all formats: Pillow ignores what a writer does not know.
        carried = {"icc_profile": metadata.icc, "exif": _with_prefix(metadata.exif), "xmp": metadata.xmp}
        present = {key: value for key, value in carried.items() if value is not None}
        rate = {} if quality is None else {"quality": round(quality)}
        if file_format == "WEBP" and quality is None:
            rate = {"lossless": True, "exact": True}
        buffer = io.BytesIO()
        Image.fromarray(_samples(photo)).save(buffer, file_format, **present, **rate, **options)
        return buffer.getvalue()

    return encode


def _with_prefix(exif: bytes | None) -> bytes | None:
    return None if exif is None else b"Exif\0\0" + exif


def _jpeg_xl(photo: Photo, quality: float | None) -> bytes:
    # Distance by quality as cjxl has it: 1, hardly visible, at 90.
    distance = 0.0 if quality is None or quality == 100 else max(0.1 + 0.09 * (100 - quality), 0.1)
    samples = _samples(photo)
    encoded = imagecodecs.jpegxl_encode(samples, lossless=distance == 0, distance=distance, usecontainer=True)
    exif = None if photo.metadata.exif is None else bytes(4) + photo.metadata.exif
    boxes = ((b"Exif", exif), (b"xml ", photo.metadata.xmp))
    after = [(8 + len(content)).to_bytes(4, "big") + name + content for name, content in boxes if content is not None]
    return b"".join([encoded, *after])


def _ppm(photo: Photo, quality: float | None) -> bytes:
    del quality
    pixels = photo.pixels
    height, width = pixels.shape[:2]
    header = f"P6\n{width} {height}\n{np.iinfo(pixels.dtype).max}\n".encode()
    return header + pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()


_ENCODERS: dict[str, Callable[[Photo, float | None], bytes]] = {
    "PNG": lambda photo, _: png.encode(_samples(photo), photo.metadata),
    "TIFF": lambda photo, _: tiff.encode(_samples(photo), photo.metadata),
    "WebP": _by_pillow("WEBP", method=4),
    "JPEG XL": _jpeg_xl,
    "JPEG": _by_pillow("JPEG", subsampling=0, optimize=True),
    "AVIF": _by_pillow("AVIF", subsampling="4:4:4"),
    "BMP": _by_pillow("BMP"),
    "PPM": _ppm,
}
