"""The formats that are written, by the ending of a file's name, and what each has a place for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cca_jax.image_io.errors import ImageError


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: what messages call it.
        alpha: whether it holds transparency.
        deep: whether it holds 16 bits a sample.
        icc: whether it is written with a colour profile.
        metadata: whether it holds Exif and XMP.
        lossless: whether nothing is lost unless a quality is asked for.
        quality: whether one can be.
        default_quality: of a format that always loses something.
    """

    name: str
    alpha: bool = False
    deep: bool = False
    icc: bool = False
    metadata: bool = False
    lossless: bool = True
    quality: bool = False
    default_quality: float | None = None


_PNG = Format("PNG", alpha=True, deep=True, icc=True, metadata=True)
_TIFF = Format("TIFF", alpha=True, deep=True, icc=True, metadata=True)
_WEBP = Format("WebP", alpha=True, icc=True, metadata=True, quality=True)
_JXL = Format("JPEG XL", alpha=True, metadata=True, quality=True)  # imagecodecs calls 16 bits linear light
_JPEG = Format("JPEG", icc=True, metadata=True, lossless=False, quality=True, default_quality=95)
_AVIF = Format("AVIF", alpha=True, icc=True, metadata=True, lossless=False, quality=True, default_quality=90)

FORMATS = {
    ".png": _PNG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": _WEBP,
    ".jxl": _JXL,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".avif": _AVIF,
    ".bmp": Format("BMP"),
    ".ppm": Format("PPM", deep=True),
}

LOSSY = ", ".join(suffix for suffix, entry in FORMATS.items() if entry.quality)
"""The endings that take a quality, for messages."""


def format_of(path: str | Path, quality: float | None = None) -> Format:
    """The format that a file's name asks for, before anything is computed for it.

    Raises:
        ImageError: none that is written here, or one that takes no quality, where one is given.
    """
    found = FORMATS.get(Path(path).suffix.lower())
    if found is None:
        raise ImageError(f"{path}: cannot write this kind of file: name one that ends in {', '.join(FORMATS)}")
    if quality is not None and not found.quality:
        raise ImageError(f"{path}: {found.name} files lose nothing and have no quality: leave it out, or name {LOSSY}")
    if quality is not None and not 0 <= quality <= 100:
        raise ImageError(f"{path}: an image's quality is 0 to 100, got {quality:g}")
    return found
