"""Pillow asked for one format, and its modes as samples."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cca_jax.image_io.color.spaces import ColorStatement, IccProfile, adobe_rgb
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.formats.raster import Metadata, Pixels, Raster, split
from cca_jax.image_io.formats.structures import exif as exif_tags

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Exif's orientation to the turn that undoes it; 1 and anything unknown mean upright."""

_SAMPLES = ("L", "LA", "RGB", "RGBA")


def decode(data: bytes, *formats: str) -> Raster:
    """Decodes the first frame, by any of these of Pillow's formats.

    Raises:
        ImageError: the samples have no known range or colour.
        Exception: whatever the decoder raises where the file is damaged.
    """
    with open_image(data, *formats) as image:
        notes = frame_notes(image)
        image.load()
        turn = TURNS.get(_orientation(image))
        # Here rather than later: an array would have to be copied into a picture and back.
        decoded = raster(image, pixels(image if turn is None else image.transpose(turn)), notes)
        decoded.orientation = 1
        return decoded


def open_image(data: bytes, *formats: str) -> Image.Image:
    """Opens without decoding; named formats only, since Pillow also knows some that run other programs (EPS).

    Not by a file's name: Pillow would map the file into memory, and decode rotated TIFFs wrongly.
    """
    return Image.open(io.BytesIO(data), formats=formats)


def raster(
    image: Image.Image,
    decoded: Pixels,
    notes: list[str],
    statements: list[ColorStatement] | None = None,
    depth: int = 8,
) -> Raster:
    """A loaded picture with all that Pillow says of it.

    Args:
        image: for its profile, Exif and XMP.
        decoded: its samples, their model, and alpha.
        notes: what is known of it so far.
        statements: what the format itself says of colours; by default its profile. Exif counts where that is nothing.
        depth: bits of the file's samples.
    """
    icc, tags, packet = image.info.get("icc_profile") or None, exif(image), xmp(image)
    if statements is None:
        statements = [] if icc is None else [IccProfile("ICC profile", icc)]
    samples, model, alpha = decoded
    return Raster(
        samples,
        model,
        depth=depth,
        alpha=alpha,
        statements=statements or exif_statements(tags, notes),
        orientation=_orientation(image),
        metadata=Metadata(icc, tags, packet),
        notes=notes,
    )


def frame_notes(image: Image.Image) -> list[str]:
    """Says that there are more frames than the first, which is taken."""
    frames = getattr(image, "n_frames", 1)
    return [f"holds {frames} frames, of which only the first was taken"] if frames > 1 else []


def pixels(image: Image.Image) -> Pixels:
    """Samples, their model and alpha of a loaded picture; a transparent colour in its `info` counts in palettes alone.

    Raises:
        ImageError: the samples have no known range (32-bit integers, floats) or no known colour (HSV).
    """
    mode = image.mode
    if mode == "1":
        return np.asarray(image.convert("L")), "gray", None
    if mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif mode in ("PA", "RGBa"):
        image = image.convert("RGBA")
    elif mode == "La":
        image = image.convert("LA")
    elif mode in ("YCbCr", "RGBX"):
        image = image.convert("RGB")
    if image.mode in _SAMPLES:
        return split(np.asarray(image))
    if mode == "CMYK":
        return np.asarray(image), "cmyk", None
    # A PGM above 8 bits is the one format whose mode "I" has a known range: Pillow scales it to 16 bits.
    if mode.startswith("I;16") or (mode == "I" and image.format == "PPM"):
        return np.asarray(image).astype(np.uint16), "gray", None
    if mode in ("I", "F"):
        kind = "32-bit integer" if mode == "I" else "floating-point"
        raise ImageError(f"holds {kind} samples, whose range is not known: convert it to 8 or 16 bits")
    raise ImageError(f"holds {mode} colours, which are not read: convert it to RGB")


def exif(image: Image.Image) -> bytes | None:
    """The Exif of a loaded picture as a TIFF structure."""
    info = image.info
    if "exif" not in info and isinstance(text := info.get("Raw profile type exif"), str):
        # ImageMagick's way in PNG, before there was a chunk: three lines of heading, then hexadecimal digits.
        try:
            return exif_tags.as_tiff(bytes.fromhex("".join(text.split("\n")[3:])))
        except ValueError:
            return None
    return exif_tags.as_tiff(info.get("exif"))


def xmp(image: Image.Image) -> bytes | None:
    """The XMP packet of a loaded picture."""
    for key in ("xmp", "XML:com.adobe.xmp"):
        packet = image.info.get(key)
        if packet:
            return packet.encode() if isinstance(packet, str) else bytes(packet)
    return None


def _orientation(image: Image.Image) -> int:
    return exif_tags.orientation(exif(image)) or exif_tags.xmp_orientation(xmp(image))


def exif_statements(tags: bytes | None, notes: list[str]) -> list[ColorStatement]:
    """What Exif says of colours, which counts where the file itself says nothing."""
    if exif_tags.says_adobe_rgb(tags):
        return [adobe_rgb("Exif (Adobe RGB)")]
    if exif_tags.says_uncalibrated(tags):
        notes.append("its Exif calls its colours uncalibrated, without a profile; they were taken for sRGB")
    return []


def check_size(width: int, height: int) -> None:
    """Refuses more pixels than Pillow would decode, before another decoder allocates memory for them.

    Raises:
        Image.DecompressionBombError: there are.
    """
    most = Image.MAX_IMAGE_PIXELS
    if most is not None and width * height > 2 * most:
        raise Image.DecompressionBombError(f"{width}×{height} pixels")
