"""Which kind of file it is, by its first bytes: names and endings prove nothing."""

from __future__ import annotations

import importlib
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.formats.raster import Raster

HEAD = 64
"""So many bytes at a file's beginning tell its kind."""

_JPEG2000_BOX = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_JPEGXL_BOX = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_NETPBM_HEAD = re.compile(rb"P[1-6]\s+[#\d]|P[Ff]\s+\d|P7\s+[#A-Z]")
_TGA_DEPTHS = {1: (8, 16), 2: (16, 24, 32), 3: (1, 8, 16), 9: (8, 16), 10: (16, 24, 32), 11: (1, 8, 16)}


@dataclass(frozen=True)
class Kind:
    """A format and where its decoder is: a function of a module of this folder, imported when one is met."""

    name: str
    module: str
    function: str = "decode"

    def decode(self, data: bytes) -> Raster:
        """Decodes a file of this kind; raises what its decoder does."""
        module = importlib.import_module(f"{__package__}.{self.module}")
        return cast("Callable[[bytes], Raster]", getattr(module, self.function))(data)


_PREFIXES = (
    (b"\x89PNG\r\n\x1a\n", Kind("PNG", "png")),
    (b"\xff\xd8\xff", Kind("JPEG", "jpeg")),
    (b"GIF87a", Kind("GIF", "small", "decode_gif")),
    (b"GIF89a", Kind("GIF", "small", "decode_gif")),
    (b"II*\x00", Kind("TIFF", "tiff")),
    (b"MM\x00*", Kind("TIFF", "tiff")),
    (b"II+\x00", Kind("TIFF", "tiff")),
    (b"MM\x00+", Kind("TIFF", "tiff")),
    (b"qoif", Kind("QOI", "small", "decode_qoi")),
    (_JPEG2000_BOX, Kind("JPEG 2000", "jpeg2000")),
    (b"\xff\x4f\xff\x51", Kind("JPEG 2000", "jpeg2000")),
    (_JPEGXL_BOX, Kind("JPEG XL", "jpegxl")),
    (b"\xff\x0a", Kind("JPEG XL", "jpegxl")),
)
_WEBP, _BMP = Kind("WebP", "small", "decode_webp"), Kind("BMP", "small", "decode_bmp")
_NETPBM, _TGA = Kind("Netpbm", "netpbm"), Kind("TGA", "small", "decode_tga")
_AVIF, _HEIF = Kind("AVIF", "avif"), Kind("HEIF", "heif")


def kind_of(head: bytes) -> Kind | None:
    """The kind of a file, or None.

    Args:
        head: its first `HEAD` bytes, or all of a shorter one.
    """
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _WEBP
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    if _NETPBM_HEAD.match(head):
        return _NETPBM
    if _is_bitmap(head):
        return _BMP
    return _TGA if _is_tga(head) else None


def is_marked(head: bytes) -> bool:
    """Whether a file begins with the mark of a kind, which no file of another sort is likely to begin with."""
    kind = kind_of(head)
    return kind is not None and kind != _TGA and (kind != _BMP or head.startswith(b"BM"))


def decode(data: bytes) -> Raster:
    """Decodes a file of any known kind.

    Raises:
        ImageError: it is of none, or holds what is not read.
        Exception: whatever a decoder raises where the file is damaged.
    """
    kind = kind_of(data[:HEAD])
    if kind is None:
        raise ImageError(
            "is not an image of a known format: give a PNG, JPEG, WebP, AVIF, HEIC, JPEG XL, TIFF, BMP, GIF or PPM file"
        )
    return kind.decode(data)


def _of_brands(head: bytes) -> Kind | None:
    """AVIF or HEIF by the brands that a file says it follows, its own before those it is compatible with."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[start : start + 4] for start in range(16, size - 3, 4))]
    if _AVIF_BRANDS.intersection(brands):
        return _AVIF
    return _HEIF if _HEIF_BRANDS.intersection(brands) else None


def _is_bitmap(head: bytes) -> bool:
    """BMP, or its body without a file header: a known header size, one plane, a known depth."""
    start = 14 if head[:2] == b"BM" else 0
    if len(head) < start + 16:
        return False
    (size,) = struct.unpack_from("<I", head, start)
    planes, depth = struct.unpack_from("<HH", head, start + (8 if size == 12 else 12))
    return size in _BITMAP_HEADERS and planes == 1 and depth in (0, 1, 2, 4, 8, 16, 24, 32)


def _is_tga(head: bytes) -> bool:
    """TGA has no mark at its beginning: every field of its header must make sense."""
    if len(head) < 18:
        return False
    has_palette, layout = head[1], head[2]
    width, height = struct.unpack_from("<HH", head, 12)
    depth, flags = head[16], head[17]
    first, count, palette_depth = struct.unpack_from("<HHB", head, 3)
    if layout in (1, 9):
        palette = has_palette == 1 and first < count <= 256 and palette_depth in (15, 16, 24, 32)
    else:
        palette = has_palette == 0 and first == count == palette_depth == 0
    return palette and depth in _TGA_DEPTHS.get(layout, ()) and width > 0 and height > 0 and flags & 0xC0 == 0
