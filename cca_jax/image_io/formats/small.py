"""Formats that take a few lines each, because Pillow decodes them: what it leaves out of their headers."""

from __future__ import annotations

import struct

from cca_jax.image_io.color.primaries import Primaries
from cca_jax.image_io.color.spaces import ColorStatement, IccProfile, RgbSpace
from cca_jax.image_io.color.transfer import Transfer
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.formats import pillow
from cca_jax.image_io.formats.raster import Metadata, Raster

_V4_HEADER, _V5_HEADER = 108, 124
_GIF_PROFILE = b"\x21\xff\x0bICCRGBG1012"
_TGA_FOOTER = b"TRUEVISION-XFILE.\x00"
_TGA_ALPHA, _TGA_PREMULTIPLIED = 3, 4


def decode_webp(data: bytes) -> Raster:
    """WebP; of an animation the first frame."""
    return pillow.decode(data, "WEBP")


def decode_qoi(data: bytes) -> Raster:
    """QOI, whose header may say that samples are linear; some writers say so of all files."""
    raster = pillow.decode(data, "QOI")
    if data[13] == 1:
        raster.notes.append("its header says linear, which QOI calls informative; its colours were taken for sRGB")
    return raster


def decode_gif(data: bytes) -> Raster:
    """GIF; of an animation the first frame. Its profile, where it has one, is in an application extension."""
    raster = pillow.decode(data, "GIF")
    start = data.find(_GIF_PROFILE)
    if start >= 0:
        position, profile = start + len(_GIF_PROFILE), b""
        while position < len(data) and (size := data[position]):
            profile += data[position + 1 : position + 1 + size]
            position += 1 + size
        raster.statements = [IccProfile("ICC profile", profile)]
        raster.metadata = Metadata(profile, raster.metadata.exif, raster.metadata.xmp)
    return raster


def decode_bmp(data: bytes) -> Raster:
    """BMP and its body without a file header (DIB).

    Raises:
        ImageError: its colours are told by another file.
    """
    raster = pillow.decode(data, "BMP", "DIB")
    header = 14 if data[:2] == b"BM" else 0
    (size,) = struct.unpack_from("<I", data, header)
    if size not in (_V4_HEADER, _V5_HEADER):
        return raster
    (kind,) = struct.unpack_from("<I", data, header + 56)
    name = kind.to_bytes(4, "big")
    if name == b"LINK":
        raise ImageError("leaves its colours to a profile in another file: convert it to sRGB with another program")
    if name == b"MBED" and size == _V5_HEADER:
        offset, length = struct.unpack_from("<II", data, header + 112)
        profile = data[header + offset : header + offset + length]
        raster.statements = [IccProfile("ICC profile", profile)]
        raster.metadata = Metadata(profile, raster.metadata.exif, raster.metadata.xmp)
    elif kind == 0:
        space = _calibrated(struct.unpack_from("<9i3I", data, header + 60))
        raster.statements = [] if space is None else [space]
    return raster


def _calibrated(values: tuple[int, ...]) -> ColorStatement | None:
    """The space of the primaries' XYZ, in units of 2⁻³⁰, and of gammas, in units of 2⁻¹⁶; None where they are unset."""
    colors = [values[start : start + 3] for start in (0, 3, 6)]
    white = [sum(channel) for channel in zip(*colors, strict=True)]
    if 0 in (sum(white), *map(sum, colors), *values[9:]):
        return None
    points = [(x / (x + y + z), y / (x + y + z)) for x, y, z in (*colors, white)]
    primaries = Primaries(*points)
    gammas = {value / 65536 for value in values[9:]}
    if not primaries.are_sound or len(gammas) != 1:
        return None
    return RgbSpace("header", primaries, Transfer("power", gammas.pop()))


def decode_tga(data: bytes) -> Raster:
    """TGA, the fourth byte of whose pixels may be unused or multiplied in."""
    raster = pillow.decode(data, "TGA")
    if raster.alpha is None or len(data) < 18:
        return raster
    extension = struct.unpack_from("<I", data, len(data) - 26)[0] if data.endswith(_TGA_FOOTER) else 0
    if extension and extension + 495 <= len(data):
        meaning = data[extension + 494]
    else:
        meaning = _TGA_ALPHA if data[17] & 15 or data[1] else 0
    raster.premultiplied = meaning == _TGA_PREMULTIPLIED
    if meaning not in (_TGA_ALPHA, _TGA_PREMULTIPLIED):
        raster.alpha = None
    return raster
