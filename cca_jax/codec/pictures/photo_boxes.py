"""A photo as what the networks code and what boxes carry, and back."""

from __future__ import annotations

import numpy as np

from cca_jax.bitstream.boxes import kinds
from cca_jax.bitstream.boxes.alpha import pack_alpha, unpack_alpha
from cca_jax.bitstream.boxes.metadata import SRGB_PROFILE, pack_bytes, unpack_bytes
from cca_jax.bitstream.boxes.picture import MIN_DEPTH, Samples, pack_samples, unpack_samples
from cca_jax.bitstream.boxes.section import Box
from cca_jax.bitstream.container import Container
from cca_jax.codec.pictures.samples import in_type
from cca_jax.image_io.photo import Metadata, Photo
from cca_jax.image_io.srgb_profile import is_srgb, srgb_profile


def boxes_of(photo: Photo) -> tuple[Box, ...]:
    """What of a photo its coded red, green and blue do not say; nothing for an opaque 8-bit picture without metadata.

    Raises:
        ValueError: metadata that are too long.
    """
    boxes = []
    samples = Samples(photo.depth, photo.gray)
    if samples != Samples():
        boxes.append(Box(kinds.PICTURE, pack_samples(samples)))
    if photo.alpha is not None and (alpha := pack_alpha(photo.alpha)) is not None:
        boxes.append(Box(kinds.ALPHA, alpha))
    metadata = photo.metadata
    if metadata.icc is not None:
        profile = SRGB_PROFILE if is_srgb(metadata.icc) else pack_bytes(metadata.icc, kinds.ICC)
        boxes.append(Box(kinds.ICC, profile))
    for kind, content in ((kinds.EXIF, metadata.exif), (kinds.XMP, metadata.xmp)):
        if content is not None:
            boxes.append(Box(kind, pack_bytes(content, kind)))
    return tuple(boxes)


def samples_of(boxes: tuple[Box, ...]) -> Samples:
    """Which samples the original had.

    Raises:
        CorruptError: the box says what no box says.
    """
    content = _content(boxes, kinds.PICTURE)
    return Samples() if content is None else unpack_samples(content)


def metadata_of(boxes: tuple[Box, ...]) -> Metadata:
    """What came with the original.

    Raises:
        CorruptError: a box does not hold what it claims.
    """
    icc = _content(boxes, kinds.ICC)
    return Metadata(
        icc=srgb_profile() if icc == SRGB_PROFILE else _unpacked(boxes, kinds.ICC),
        exif=_unpacked(boxes, kinds.EXIF),
        xmp=_unpacked(boxes, kinds.XMP),
    )


def type_of_samples(file: Container, depth: int | None) -> type[np.uint8] | type[np.uint16]:
    """The type of a decoded file's samples, at 8 or 16 bits; None is as the original's.

    Raises:
        ValueError: another depth.
        CorruptError: as `samples_of`.
    """
    if depth not in (None, 8, 16):
        raise ValueError(f"a picture is decoded with 8 or 16 bits, got {depth}")
    return np.uint8 if (samples_of(file.boxes).depth if depth is None else depth) == MIN_DEPTH else np.uint16


def photo_of(file: Container, pixels: np.ndarray) -> Photo:
    """The photo of a file and its decoded pixels.

    Args:
        file: with its boxes.
        pixels: uint8 or uint16 [H, W, 3].

    Raises:
        CorruptError: a box does not hold what it claims.
    """
    samples, alpha = samples_of(file.boxes), _content(file.boxes, kinds.ALPHA)
    if samples.gray:
        # Rounded means: what the networks made of gray is gray but for a level or two.
        pixels = np.repeat(((pixels.sum(-1, dtype=np.uint32) + 1) // 3).astype(pixels.dtype)[..., None], 3, axis=-1)
    plane = None
    if alpha is not None:
        own = np.uint8 if samples.depth == MIN_DEPTH else np.uint16
        plane = in_type(unpack_alpha(alpha, file.height, file.width, own), pixels.dtype)
    as_original = type_of_samples(file, None) == pixels.dtype
    depth = samples.depth if as_original else 8 * pixels.itemsize
    return Photo(pixels, depth, samples.gray, plane, metadata_of(file.boxes), ())


def _content(boxes: tuple[Box, ...], kind: int) -> bytes | None:
    return next((box.content for box in boxes if box.kind == kind), None)


def _unpacked(boxes: tuple[Box, ...], kind: int) -> bytes | None:
    content = _content(boxes, kind)
    return None if content is None else unpack_bytes(content, kind)
