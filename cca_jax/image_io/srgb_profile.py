"""The ICC profile of sRGB: what labels restored pictures, and which profiles are the same."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageCms

_DATE = slice(24, 36)
_SAME_COLOR = 3
"""Profiles whose colours differ by no more than this, of 255, are one profile to the eye."""


@functools.cache
def srgb_profile() -> bytes:
    """A profile of sRGB, the same bytes always."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_DATE] = np.array([2000, 1, 1, 0, 0, 0], ">u2").tobytes()  # LittleCMS would state the current time
    return bytes(profile)


@functools.lru_cache(maxsize=64)
def is_srgb(icc: bytes) -> bool:
    """Whether an RGB profile, which may be damaged, leaves colours where sRGB has them."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if profile.profile.xcolor_space.strip() != "RGB":
            return False
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    except (ImageCms.PyCMSError, OSError):
        return False
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    probe = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    seen = ImageCms.applyTransform(Image.fromarray(probe), transform)
    return bool(np.abs(np.asarray(seen).astype(int) - probe).max() <= _SAME_COLOR)
