"""The colours that a restored photo is written in, and the profile that says so.

What the networks give is sRGB. A photo whose original stated its colours is labelled sRGB, or converted back to the
original's profile and labelled with that. A photo without any statement stays without: that means sRGB, too.
"""

from __future__ import annotations

import dataclasses
import functools
import io

import imagecodecs
import numpy as np
from PIL import ImageCms

from cca_jax.image_io.photo import Photo
from cca_jax.image_io.srgb_profile import is_srgb, srgb_profile

_MODELS = {"RGB": "rgb", "GRAY": "gray"}


def in_srgb(photo: Photo) -> Photo:
    """The photo with the profile of its pixels in the place of the original's.

    A grey one has none: a profile of RGB does not fit its samples, and without one they mean those of sRGB.
    """
    icc = None if photo.metadata.icc is None or photo.gray else srgb_profile()
    return _with_profile(photo, photo.pixels, icc)


def in_original(photo: Photo, notes: list[str]) -> Photo:
    """The photo in the colours of the original's profile, with that profile; in sRGB where it cannot be.

    Args:
        photo: in sRGB, with the original's profile.
        notes: gets a line where it cannot be.
    """
    icc = photo.metadata.icc
    if icc is None:
        return photo
    model = _model(icc)
    if is_srgb(icc) and not photo.gray:
        return photo
    if model is None or (model == "gray" and not photo.gray):
        notes.append("the original's colour profile cannot be written to: the colours are sRGB")
        return in_srgb(photo)
    samples = photo.pixels[..., 0] if model == "gray" else photo.pixels
    try:
        converted = imagecodecs.cms_transform(
            np.ascontiguousarray(photo.pixels), srgb_profile(), icc, colorspace="rgb", outcolorspace=model
        )
    except imagecodecs.CmsError:
        notes.append("the original's colour profile only serves to read: the colours are sRGB")
        return in_srgb(photo)
    converted = converted.reshape(samples.shape)
    pixels = np.repeat(converted[..., None], 3, axis=2) if model == "gray" else converted
    # Grey with a profile of RGB is RGB.
    return dataclasses.replace(_with_profile(photo, pixels, icc), gray=photo.gray and model == "gray")


def _with_profile(photo: Photo, pixels: np.ndarray, icc: bytes | None) -> Photo:
    return dataclasses.replace(photo, pixels=pixels, metadata=dataclasses.replace(photo.metadata, icc=icc))


@functools.lru_cache(maxsize=32)
def _model(icc: bytes) -> str | None:
    """What the profile's samples are; None where they are neither RGB nor grey, or the profile is damaged."""
    try:
        return _MODELS.get(ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.xcolor_space.strip())
    except (ImageCms.PyCMSError, OSError):
        return None
