"""An encoded photo to pixels, in many threads at once.

`image_io.images.read_image` explains to a person what became of one picture, and silences Pillow for as long as it
works, which Python can only do for all threads together. Here the same pixels come without the explanations.
"""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from cca_jax.image_io import photo
from cca_jax.image_io.images import IMAGE_SUFFIXES
from cca_jax.image_io.photo import flatten


def quiet_pillow() -> None:
    """Silences Pillow's warnings (odd EXIF, large pictures) in this process: they cannot be silenced for a thread."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


def decode_photo(file: BinaryIO, name: str | Path) -> np.ndarray:
    """The pixels that `image_io.images.read_image` would give: upright, sRGB, on white, 8 bits.

    Args:
        file: the encoded picture.
        name: what errors call it.

    Returns:
        uint8 [H, W, 3], at least one pixel; not to be written to.

    Raises:
        ImageError: no picture, a damaged one, or one of samples without a known range.
    """
    return flatten(photo.decode_photo(file.read(), name))


def check_header(path: Path) -> str | None:
    """What is wrong with the beginning of a photo's file, in one line, or None; decodes nothing."""
    try:
        with path.open("rb") as file, Image.open(file, formats=_formats()):
            return None
    except Exception as error:
        return f"{path}: {_explain(error)}"


@functools.cache
def _formats() -> tuple[str, ...]:
    """Pillow's names of the formats that are photos here: it would also try some that run other programs (EPS)."""
    known = Image.registered_extensions()
    return tuple(dict.fromkeys(known[suffix] for suffix in sorted(IMAGE_SUFFIXES) if suffix in known))


def _explain(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "is not an image of a known format"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    return f"cannot be decoded ({' '.join(str(error).split()) or type(error).__name__})"
