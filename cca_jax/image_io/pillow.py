"""How Pillow is asked for a picture, and what its answers mean."""

from __future__ import annotations

from PIL import ExifTags, Image, UnidentifiedImageError

from cca_jax.image_io import srgb

# Named, because Pillow would otherwise also try formats that run other programs (EPS) or fetch drivers.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "QOI", "TGA")

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to the turn that undoes it; 1 and anything unknown mean upright."""


def note_source(image: Image.Image, notes: list[str]) -> None:
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


def orientation(image: Image.Image) -> int:
    """The turn that a picture's Exif asks for; 1, upright, where there is none."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF is no reason to refuse a picture that decodes
        return 1


def explain(error: Exception) -> str:
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
