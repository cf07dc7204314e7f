"""What a conformance file's boxes hold, as one number each."""

import hashlib
from collections.abc import Sequence

import numpy as np

from cca_jax.bitstream.boxes import alpha, kinds, metadata, picture
from cca_jax.bitstream.boxes.section import Box


def box_digests(boxes: Sequence[Box], height: int, width: int) -> list[list[object]]:
    """Of each box its kind, and SHA-256 of its content and of what that unpacks to.

    That is the plane of alpha, as little-endian integers of 8 bits, or of 16 in a picture of more than 8, or the bytes
    of metadata; of other boxes the content.
    """
    deep = any(picture.unpack_samples(box.content).depth > 8 for box in boxes if box.kind == kinds.PICTURE)

    def unpacked(box: Box) -> bytes:
        if box.kind == kinds.ALPHA:
            plane = alpha.unpack_alpha(box.content, height, width, np.uint16 if deep else np.uint8)
            return plane.astype("<u2" if deep else "u1").tobytes()
        if box.kind in (kinds.ICC, kinds.EXIF, kinds.XMP) and box.content != metadata.SRGB_PROFILE:
            return metadata.unpack_bytes(box.content, box.kind)
        return box.content

    return [[box.kind, _sha256(box.content), _sha256(unpacked(box))] for box in boxes]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
