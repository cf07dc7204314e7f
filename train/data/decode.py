"""An encoded photo to pixels, in many threads at once.

`image_io.images.read_image` explains to a person what became of one picture, and silences Pillow for as long as it
works, which Python can only do for all threads together. Here the same pixels come without the explanations.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cca_jax.image_io import photo
from cca_jax.image_io.formats import kinds
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
        with path.open("rb") as file:
            kind = kinds.kind_of(file.read(kinds.HEAD))
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}"
    return f"{path}: is not an image of a known format" if kind is None else None
