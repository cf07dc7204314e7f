"""The profile of sRGB: what counts as the same."""

import io

from PIL import ImageCms

from cca_jax.image_io.srgb_profile import is_srgb, srgb_profile


def profile(name, *arguments):
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name, *arguments)).tobytes()


def test_srgb_is_the_same_bytes_always_and_itself():
    srgb_profile.cache_clear()
    first = srgb_profile()
    srgb_profile.cache_clear()
    assert srgb_profile() == first
    assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(first))).startswith("sRGB")
    assert is_srgb(first)
    assert is_srgb(profile("sRGB"))


def test_what_is_not_srgb():
    for other in (profile("LAB"), profile("XYZ"), b"", b"no profile", srgb_profile()[:200]):
        assert not is_srgb(other)
    # Red and green in each other's place: the tags are the same and their numbers are not.
    swapped = srgb_profile().replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")
    assert not is_srgb(swapped)
