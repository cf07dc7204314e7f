"""Codes the few images of the report: with our models, and with the other codecs at the size of the first of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from cca_jax.cli.errors import describe
from eval.codecs.at_size import SweptCodec, encode_at_most
from eval.codecs.interface import CodecError
from eval.codecs.ours import SINGLE_RATE, OurCodec
from eval.report.bitmaps import bit_maps
from eval.report.pictures import Picture, Version, make_version
from eval.runner.images import LoadedImage

_TOO_LARGE = "cannot be as small"


def gather_picture(image: LoadedImage, ours: Sequence[OurCodec], others: Sequence[SweptCodec]) -> Picture:
    """What every codec makes of an image at one size.

    The size is that of the first model's file, at its middle quality where it has several. Further models take their
    highest quality whose file is not larger, and every other codec its largest file that is not; what cannot be as
    small, such as a further model of a single rate, is shown at its smallest, with a note. A codec that cannot code the
    image is left out.

    Args:
        image: the image.
        ours: at least one model.
        others: any number of other codecs.

    Raises:
        CodecError: the first model cannot code this image.
    """
    first, *further = ours
    version = our_version(image.pixels, first, first.settings[(len(first.settings) - 1) // 2])
    limit = version.num_bytes
    versions = [version]
    for model in further:
        versions += _unless_it_fails(_our_matched_version, image.pixels, model, limit)
    for codec in others:
        versions += _unless_it_fails(matched_version, image.pixels, codec, limit)
    return Picture(image.name, image.pixels, tuple(versions))


def our_version(pixels: np.ndarray, model: OurCodec, setting: float) -> Version:
    """What a model makes of pixels uint8 [H, W, 3], with the bits by position.

    Raises:
        CodecError: it cannot code them.
    """
    single = model.settings == SINGLE_RATE
    try:
        encoding = model.codec.encode(pixels, None if single else setting, effort=model.effort)
    except (ValueError, MemoryError) as error:
        raise CodecError(describe(error)) from error
    data = encoding.data
    words = "" if single else f"{model.setting_name} {setting:g}"
    restored = model.decode(data).pixels
    return make_version(pixels, model.name, words, len(data), restored, bits=bit_maps(encoding, model.codec.bundle))


def matched_version(pixels: np.ndarray, codec: SweptCodec, limit: int) -> Version:
    """The best that another codec makes of pixels uint8 [H, W, 3] in at most `limit` bytes, or its smallest.

    Raises:
        CodecError: it cannot code them.
    """
    setting, encoded = encode_at_most(codec, pixels, limit)
    size = len(encoded.data)
    restored = codec.decode(encoded.data).pixels
    note = _TOO_LARGE if size > limit else ""
    return make_version(pixels, codec.name, f"{codec.setting_name} {setting:g}", size, restored, note=note)


def _our_matched_version(pixels: np.ndarray, model: OurCodec, limit: int) -> Version:
    for setting in reversed(model.settings):
        version = our_version(pixels, model, setting)
        if version.num_bytes <= limit:
            return version
    return dataclasses.replace(version, note=_TOO_LARGE)


def _unless_it_fails(make: Callable[..., Version], pixels: np.ndarray, codec: object, limit: int) -> list[Version]:
    try:
        return [make(pixels, codec, limit)]
    except CodecError:
        return []
