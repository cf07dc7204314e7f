"""Colours by an ICC profile, through LittleCMS at the samples' own depth."""

from __future__ import annotations

import functools
import io
import re
import struct

import imagecodecs
import numpy as np
from PIL import ImageCms

from cca_jax.image_io.color.spaces import IccProfile, RgbSpace, coded_space

_SPACES = {"RGB": "rgb", "GRAY": "gray", "CMYK": "cmyk"}
_SAME_COLOR = 3
"""Two profiles whose colours differ by no more than this, of 255, are one profile to the eye."""

# Not 2100 alone: that is a printer, too.
_HDR_NAMES = re.compile(r"(?:BT|Rec|R)[. _-]*2100|ST[ _-]?2084|\bPQ\b|\bHLG\b", re.IGNORECASE)
_BT2020, _PQ, _HLG = 9, 16, 18


def convert(samples: np.ndarray, model: str, profile: IccProfile, notes: list[str]) -> np.ndarray | None:
    """Converts samples to sRGB.

    Args:
        samples: uint8 or uint16, over all of their type's range: [H, W] of the model "gray", [H, W, 3] of "rgb",
            [H, W, 4] of "cmyk".
        model: what the samples are.
        profile: theirs.
        notes: gets a line where a profile was used, or why not.

    Returns:
        [H, W, 3] of the same type; None where the profile is damaged or of another model.
    """
    space = _space(profile.data)
    if space is None or not fits(profile.data, model):
        reason = "is damaged" if space is None else "does not fit its colours"
        notes.append(f"its colour profile {reason} and was ignored")
        return None
    try:
        if space != "cmyk" and _is_srgb(profile.data, space):
            return np.repeat(samples[..., None], 3, axis=2) if model == "gray" else samples
        converted = _gray(samples, profile.data, space) if model == "gray" else _transform(samples, profile.data, space)
    except imagecodecs.CmsError:
        notes.append("its colour profile is damaged and was ignored")
        return None
    notes.append(f"colours were converted from the profile {_name(profile.data)!r} to sRGB")
    return converted


def fits(data: bytes, model: str) -> bool:
    """Whether a profile is sound and for samples of a model; grey ones may also have a profile for colours."""
    space = _space(data)
    return space is not None and (space == model or (space == "rgb" and model == "gray"))


def hdr_space(profile: IccProfile) -> RgbSpace | None:
    """The space of a profile for high dynamic range, which no profile can convert to the range of sRGB; else None."""
    codes = _tag(profile.data, b"cicp")
    if codes is not None and len(codes) >= 12 and codes[9] in (_PQ, _HLG):
        return coded_space(profile.source, codes[8], codes[9], full_range=True)
    if _space(profile.data) == "rgb" and _HDR_NAMES.search(name := _name(profile.data)):
        return coded_space(profile.source, _BT2020, _HLG if "HLG" in name else _PQ)
    return None


@functools.lru_cache(maxsize=32)
def _space(data: bytes) -> str | None:
    """The model that a profile is for; "other" where it is none of ours, None where it is damaged."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        return _SPACES.get(profile.profile.xcolor_space.strip(), "other")
    except (ImageCms.PyCMSError, OSError):
        return None


@functools.lru_cache(maxsize=32)
def _name(data: bytes) -> str:
    try:
        return " ".join(ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(data))).split())
    except (ImageCms.PyCMSError, OSError):
        return "without a name"


@functools.lru_cache(maxsize=32)
def _is_srgb(data: bytes, space: str) -> bool:
    """Whether a profile leaves a probe of colours where they were: its name proves nothing."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    if space == "gray":
        probe = levels[None]
        expected = np.repeat(probe[..., None], 3, axis=2)
    else:
        probe = expected = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    moved = _transform(probe, data, space).astype(int) - expected
    return bool(np.abs(moved).max() <= _SAME_COLOR)


def _gray(samples: np.ndarray, data: bytes, space: str) -> np.ndarray:
    """Greys level by level, which stay grey: rounding must not colour them."""
    levels = np.arange(int(np.iinfo(samples.dtype).max) + 1).astype(samples.dtype)[None]
    colors = _transform(np.repeat(levels[..., None], 3, axis=2) if space == "rgb" else levels, data, space)
    return np.repeat(colors[0, :, 1][samples][..., None], 3, axis=2)


def _transform(samples: np.ndarray, data: bytes, space: str) -> np.ndarray:
    """Through LittleCMS, with the perceptual intent that profiles of tables are made for.

    Raises:
        imagecodecs.CmsError: the profile lacks what it takes.
    """
    return imagecodecs.cms_transform(
        np.ascontiguousarray(samples),
        data,
        _srgb_profile(),
        colorspace=space,
        outcolorspace="rgb",
        intent=imagecodecs.CMS.INTENT.PERCEPTUAL,
        # It would replace the curves by a coarse table, which misses 16-bit samples by up to 15 levels of 255.
        flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE if samples.dtype == np.uint16 else None,
    )


@functools.cache
def _srgb_profile() -> bytes:
    return imagecodecs.cms_profile("srgb")


def _tag(data: bytes, signature: bytes) -> bytes | None:
    """The bytes of a profile's tag, or None where it has none."""
    try:
        (count,) = struct.unpack_from(">I", data, 128)
        for entry in range(132, 132 + 12 * min(count, 200), 12):
            name, offset, size = struct.unpack_from(">4sII", data, entry)
            if name == signature:
                return data[offset : offset + size]
    except struct.error:
        pass
    return None
