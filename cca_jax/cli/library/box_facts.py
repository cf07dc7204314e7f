"""What the boxes of a .cca file hold, as `cca-jax info` says it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from cca_jax.bitstream.boxes import kinds
from cca_jax.bitstream.boxes.alpha import alpha_place
from cca_jax.bitstream.boxes.metadata import SRGB_PROFILE, unpack_bytes
from cca_jax.bitstream.boxes.picture import Samples, unpack_samples
from cca_jax.bitstream.boxes.section import Box

_BYTES = {kinds.EXIF: "exif", kinds.XMP: "xmp"}


def box_facts(boxes: Sequence[Box]) -> dict[str, Any]:
    """Plain values for JSON; what is not there is None. Every "bytes" is of the file, "unpacked_bytes" of the content.

    Raises:
        ValueError: a box does not hold what it claims.
    """
    samples = Samples()
    facts: dict[str, Any] = {"alpha": None, "color_profile": None, "exif": None, "xmp": None, "unknown_boxes": []}
    for box in boxes:
        size = {"bytes": len(box.content)}
        if box.kind == kinds.PICTURE:
            samples = unpack_samples(box.content)
        elif box.kind == kinds.ALPHA:
            facts["alpha"] = size | alpha_place(box.content)._asdict()
        elif box.kind == kinds.ICC:
            facts["color_profile"] = size | _profile(box.content)
        elif box.kind in _BYTES:
            facts[_BYTES[box.kind]] = size | {"unpacked_bytes": len(unpack_bytes(box.content, box.kind))}
        else:
            facts["unknown_boxes"].append({"kind": box.kind} | size)
    return {"depth": samples.depth, "gray": samples.gray} | facts


def _profile(content: bytes) -> dict[str, Any]:
    from PIL import ImageCms

    if content == SRGB_PROFILE:
        return {"name": "sRGB", "unpacked_bytes": None}
    profile = unpack_bytes(content, kinds.ICC)
    try:
        name = " ".join(ImageCms.getProfileDescription(io.BytesIO(profile)).split())
    except (ImageCms.PyCMSError, OSError):
        name = ""
    return {"name": name or None, "unpacked_bytes": len(profile)}
