"""PNG and APNG: chunks by the third edition of the specification."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np
from PIL import Image

from cca_jax.image_io.color.primaries import SRGB_PRIMARIES, Primaries
from cca_jax.image_io.color.spaces import ColorStatement, IccProfile, RgbSpace, coded_space
from cca_jax.image_io.color.transfer import SRGB_TRANSFER, Transfer
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.formats import pillow
from cca_jax.image_io.formats.raster import Raster, split

_GRAY, _RGB = 0, 2
_SRGB_GAMMA = range(45_000, 45_911)
"""gAMA within 1 % of 1/2.2, which writers set beside or instead of an sRGB chunk."""


def decode(data: bytes) -> Raster:
    """Decodes the picture: of an animation its first frame, even where a still picture for other readers precedes it.

    Raises:
        ImageError: its cICP chunk means nothing in a PNG.
        Exception: whatever the decoders raise where the file is damaged.
    """
    chunks = dict(reversed(list(_chunks(data))))
    header = chunks.get(b"IHDR", b"")
    if len(header) != 13:
        raise ValueError("its IHDR chunk is damaged")
    depth, color_type = header[8], header[9]
    deep = depth == 16
    with pillow.open_image(data, "PNG") as image:
        notes: list[str] = []
        frame = _frame(image, notes)
        image.load()  # also reads what follows the pixels
        if not deep:
            decoded = pillow.pixels(image)
        elif getattr(image, "is_animated", False):
            decoded = split(imagecodecs.apng_decode(data, frame))
        else:
            decoded = split(imagecodecs.png_decode(data))
        statements = _statements(chunks, image.info.get("icc_profile"))
        raster = pillow.raster(image, decoded, notes, statements, depth=16 if deep else 8)
    key = chunks.get(b"tRNS")
    if color_type in (_GRAY, _RGB):
        raster.alpha = None if key is None else _alpha_of_key(raster.samples, key, depth)
    return raster


def _frame(image: Image.Image, notes: list[str]) -> int:
    """Goes to the frame that is the picture; its number among those that are decoded."""
    frames = getattr(image, "n_frames", 1)
    if frames == 1:
        return 0
    # A picture that is no part of the animation is for readers that know of none: it often says just that.
    extra = bool(image.info.get("default_image"))
    if extra:
        image.seek(1)
        frames -= 1
    notes.append(f"holds an animation of {frames} frames, of which only the first was taken")
    return int(extra)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of a file's chunks; where it breaks off, so do they."""
    position = 8
    while position + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        yield name, b"" if name in (b"IDAT", b"fdAT") else data[position + 8 : position + 8 + length]
        position += 12 + length


def _alpha_of_key(samples: np.ndarray, key: bytes, depth: int) -> np.ndarray:
    """0 where a pixel is the colour that means transparent, which is a sample of the file's own depth."""
    channels = 1 if samples.ndim == 2 else 3
    if len(key) < 2 * channels:
        raise ValueError("its tRNS chunk is too short")
    values = np.array(struct.unpack(f">{channels}H", key[: 2 * channels])) & ((1 << depth) - 1)
    if depth < 8:
        values = values * 255 // ((1 << depth) - 1)
    matches = samples == values[0] if channels == 1 else (samples == values).all(axis=-1)
    most = np.iinfo(samples.dtype).max
    return np.where(matches, 0, most).astype(samples.dtype)


def _statements(chunks: dict[bytes, bytes], icc: bytes | None) -> list[ColorStatement]:
    """CICP before iCCP before sRGB before gAMA and cHRM."""
    statements: list[ColorStatement] = []
    coded = chunks.get(b"cICP")
    if coded is not None and len(coded) == 4:
        if coded[2] != 0:
            raise ImageError(f"its cICP chunk names a matrix ({coded[2]}), but a PNG holds RGB: save it anew")
        space = coded_space("cICP chunk", coded[0], coded[1], coded[3] == 1)
        statements += [space] if space is not None else []
    if icc:
        statements.append(IccProfile("iCCP chunk", icc))
    if b"sRGB" in chunks:
        statements.append(RgbSpace("sRGB chunk"))
    measured = _measured(chunks)
    statements += [measured] if measured is not None else []
    return statements


def _measured(chunks: dict[bytes, bytes]) -> RgbSpace | None:
    """The space of gAMA and cHRM; either is sRGB's where it is missing or senseless."""
    gamma, white_and_primaries = chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")
    names = []
    transfer, primaries = SRGB_TRANSFER, SRGB_PRIMARIES
    value = struct.unpack(">I", gamma)[0] if len(gamma) == 4 else 0
    if value:
        names.append("gAMA")
        transfer = Transfer("power", 100_000 / value)
    if len(white_and_primaries) == 32:
        points = [value / 100_000 for value in struct.unpack(">8I", white_and_primaries)]
        white, red, green, blue = zip(points[::2], points[1::2], strict=True)
        if (stated := Primaries(red, green, blue, white)).are_sound:
            names.append("cHRM")
            primaries = stated
    # The power 1/2.2 with these primaries is how sRGB was written before there was a chunk for it.
    if value in _SRGB_GAMMA and primaries.match(SRGB_PRIMARIES):
        transfer = SRGB_TRANSFER
    return RgbSpace(" and ".join(names) + " chunk", primaries, transfer) if names else None
