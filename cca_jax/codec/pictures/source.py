"""What `Codec` is given to compress, in any of the forms that callers have, as the one that it codes."""

from __future__ import annotations

import dataclasses
import io
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from cca_jax.bitstream.boxes.section import Box
from cca_jax.codec.pictures.photo_boxes import boxes_of
from cca_jax.codec.pictures.samples import in_type
from cca_jax.image_io.hidden_colors import fill_hidden
from cca_jax.image_io.photo import Metadata, Photo, decode_photo

Picture: TypeAlias = "np.ndarray | Image.Image | Photo"
"""An array uint8 or uint16 [H, W], [H, W, 1] (grey), [H, W, 2] (grey, alpha), [H, W, 3] (RGB) or [H, W, 4] (RGB,
alpha), sRGB, with alpha straight and all of the type's range in use; a Pillow image; or a photo."""

_PLAIN_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_CONVERTED_MODES = {
    "PA": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
    "RGBa": "RGBA",
    "La": "LA",
    "I;16B": "I;16",
}


class Source(NamedTuple):
    """What is coded of a picture.

    Attributes:
        pixels: uint8 or uint16 [H, W, 3]: what the networks see; under full transparency anything smooth.
        boxes: the rest.
    """

    pixels: np.ndarray
    boxes: tuple[Box, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def is_deep(self) -> bool:
        """Whether the pixels have 16 bits a sample."""
        return self.pixels.dtype != np.uint8

    @property
    def in_8_bits(self) -> np.ndarray:
        """The pixels as uint8, which is what fidelity is measured in."""
        return in_type(self.pixels, np.uint8)


def source_of(picture: Picture | Source) -> Source:
    """What is coded of a picture.

    Raises:
        ValueError: another kind of object or array, or metadata that are too long.
    """
    if isinstance(picture, Source):
        return picture
    photo = _photo(picture)
    return Source(fill_hidden(photo.pixels, photo.alpha), boxes_of(photo))


def _photo(picture: Picture) -> Photo:
    if isinstance(picture, Photo):
        return picture
    if isinstance(picture, Image.Image):
        return photo_of_image(picture)
    array = np.asarray(picture)
    if (
        array.dtype not in (np.uint8, np.uint16)
        or array.ndim not in (2, 3)
        or (array.ndim == 3 and not 1 <= array.shape[2] <= 4)
        or 0 in array.shape
    ):
        raise ValueError(
            "compress takes a uint8 or uint16 array [H, W, 3], [H, W, 4] or [H, W], a Pillow image or a Photo, got "
            f"{array.dtype} {list(array.shape)}"
        )
    channels = array.reshape(*array.shape[:2], -1)
    gray = channels.shape[2] < 3
    alpha = np.ascontiguousarray(channels[..., -1]) if channels.shape[2] in (2, 4) else None
    colors = np.repeat(channels[..., :1], 3, axis=2) if gray else np.ascontiguousarray(channels[..., :3])
    return Photo(colors, 8 * array.dtype.itemsize, gray, alpha, Metadata(), ())


def photo_of_image(image: Image.Image) -> Photo:
    """A Pillow image is what the file is that holds it: its profile, orientation and transparent colour count."""
    if image.mode in _CONVERTED_MODES:
        info, image = image.info, image.convert(_CONVERTED_MODES[image.mode])
        image.info = info
    buffer = io.BytesIO()
    carried: dict[str, Any] = {key: image.info[key] for key in ("icc_profile", "exif") if image.info.get(key)}
    if image.mode in _PLAIN_MODES:
        image.save(buffer, "PNG", compress_level=0, **carried)
    elif image.mode == "CMYK":
        image.save(buffer, "TIFF", **carried)
    else:
        raise ValueError(f"compress takes no Pillow image of mode {image.mode}: convert it to RGB")
    photo = decode_photo(buffer.getvalue(), "image")
    xmp = image.info.get("xmp")
    if not xmp:
        return photo
    packet = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
    return dataclasses.replace(photo, metadata=dataclasses.replace(photo.metadata, xmp=packet))
