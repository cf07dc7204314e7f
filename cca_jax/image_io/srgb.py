"""From whatever Pillow decoded to the one kind of picture the codec knows: 8-bit sRGB, and transparency apart.

Each step returns the picture unchanged where it does not apply, and leaves a note where it changed what a viewer of the
original would have seen.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
GRAY_MODES = ("1", "L", "LA", "La")
_SAME_COLOR = 3
"""Two profiles whose colours differ by no more than this, of 255, are one profile to the eye."""


class UnknownSamplesError(ValueError):
    """The samples have no range or no colour that is known; the message says which, and what to do."""


def to_srgb(image: Image.Image, notes: list[str]) -> tuple[Image.Image, Image.Image | None]:
    """Turns a loaded picture into mode RGB, sRGB, and its transparency.

    Args:
        image: any mode; its `info` still holds the colour profile and the transparent colour.
        notes: gets a line for each thing a reader of the result should know.

    Returns:
        A picture of mode RGB and the same size, and its alpha of mode L, or None where it is opaque.

    Raises:
        UnknownSamplesError: the samples have no known range (32-bit integers, floats) or no known colour (LAB).
    """
    image = _to_eight_bits(image, notes)
    profile = image.info.get("icc_profile")
    gray = image.mode in GRAY_MODES
    image, alpha = _split_alpha(image)
    if profile:
        image = _apply_profile(image, profile, gray, notes)
    if image.mode == "CMYK":
        notes.append("CMYK was converted to RGB without a colour profile, so colours are approximate")
    elif image.mode in ("LAB", "HSV"):
        raise UnknownSamplesError(f"holds {image.mode} colours, which are not read: convert it to RGB")
    return image.convert("RGB"), alpha


def _to_eight_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    """Scales 16-bit grey to 8 bits, where Pillow would clip it; 16-bit colour it reduces while it decodes."""
    # A PGM above 8 bits is the one format whose mode "I" has a known range: Pillow scales it to 16 bits.
    if not image.mode.startswith("I;16") and not (image.mode == "I" and image.format == "PPM"):
        if image.mode in ("I", "F"):
            kind = "32-bit integer" if image.mode == "I" else "floating-point"
            raise UnknownSamplesError(f"holds {kind} samples, whose range is not known: convert it to 8 or 16 bits")
        return image
    wide = np.asarray(image).astype(np.uint32)
    samples = ((wide * 255 + 32767) // 65535).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        samples = np.stack([samples, np.where(wide == transparent, 0, 255).astype(np.uint8)], axis=-1)
    narrow = Image.fromarray(samples)
    narrow.info = {key: value for key, value in image.info.items() if key != "transparency"}
    notes.append("16 bits a sample were reduced to 8")
    return narrow


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """A picture without its transparency, and that; transparency that hides nothing is dropped."""
    if not image.has_transparency_data:
        return image, None
    layers = image.convert("RGBA")
    alpha = layers.getchannel("A")
    least, _ = alpha.getextrema()
    return layers.convert("RGB"), None if least == 255 else alpha


def _apply_profile(image: Image.Image, profile_bytes: bytes, gray: bool, notes: list[str]) -> Image.Image:
    """Converts from the embedded colour profile to sRGB, unless the profile is sRGB for all the eye can tell."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(profile_bytes))
        mode = _PROFILE_MODES.get(profile.profile.xcolor_space.strip())
        # Compositing may have made RGB of grey; a grey profile fits no other colours, nor CMYK's anything but CMYK.
        if mode is None or (mode == "L" and not gray) or ((mode == "CMYK") != (image.mode == "CMYK")):
            notes.append("its colour profile does not fit its colours and was ignored")
            return image
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode != "CMYK" and _is_identity(transform, mode):
            return image
        converted = ImageCms.applyTransform(image.convert(mode), transform)
        name = " ".join(ImageCms.getProfileDescription(profile).split())
    except (ImageCms.PyCMSError, OSError):
        notes.append("its colour profile is damaged and was ignored")
        return image
    except ImportError:
        notes.append("its colour profile was ignored: this Pillow was built without LittleCMS")
        return image
    assert converted is not None, "applyTransform returns None only in place"
    notes.append(f"colours were converted from the profile {name!r} to sRGB")
    return converted


def _is_identity(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform to sRGB leaves a probe of colours where they were: a profile's name proves nothing."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    if mode == "L":
        probe = Image.fromarray(levels[None])
    else:
        probe = Image.fromarray(np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3))
    seen = ImageCms.applyTransform(probe, transform)
    moved = np.asarray(seen).astype(int) - np.asarray(probe.convert("RGB"))
    return bool(np.abs(moved).max() <= _SAME_COLOR)
