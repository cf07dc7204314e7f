"""A picture's samples through what its file says of their colours, to sRGB."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cca_jax.image_io.color import icc, tone_mapping
from cca_jax.image_io.color.primaries import SRGB_PRIMARIES, to_srgb_matrix
from cca_jax.image_io.color.spaces import ColorStatement, IccProfile, RgbSpace
from cca_jax.image_io.color.transfer import encode_srgb
from cca_jax.image_io.errors import ImageError

_PIXELS_AT_ONCE = 1 << 18
"""Conversions in floating point go strip by strip, so that they need little memory beside the picture."""


def to_srgb(
    samples: np.ndarray, model: str, statements: Sequence[ColorStatement], notes: list[str], tone_map: bool = False
) -> np.ndarray:
    """Converts samples to sRGB.

    Args:
        samples: uint8 or uint16, over all of their type's range: [H, W] of the model "gray", [H, W, 3] of "rgb",
            [H, W, 4] of "cmyk", where the most is full ink.
        model: what the samples are.
        statements: what the file says, in the order of its format's precedence. The first that can be used is.
        notes: gets a line for each thing a reader of the result should know.
        tone_map: fit high dynamic range to that of sRGB.

    Returns:
        [H, W, 3] of the same type; the channels of "gray" are equal.

    Raises:
        ImageError: high dynamic range without `tone_map`.
    """
    for statement in statements:
        if isinstance(statement, IccProfile):
            space = icc.hdr_space(statement)
            if space is None:
                converted = icc.convert(samples, model, statement, notes)
                if converted is not None:
                    return converted
                continue
        else:
            space = statement
        if model != "cmyk":
            return _from_space(samples, space, notes, tone_map)
    if model == "cmyk":
        notes.append("CMYK was converted to RGB without a colour profile, so colours are approximate")
        return _without_ink(samples)
    return np.repeat(samples[..., None], 3, axis=2) if model == "gray" else samples


def _from_space(samples: np.ndarray, space: RgbSpace, notes: list[str], tone_map: bool) -> np.ndarray:
    colors = np.repeat(samples[..., None], 3, axis=2) if samples.ndim == 2 else samples
    if space.is_srgb:
        return colors
    most = int(np.iinfo(samples.dtype).max)
    light = _light_of_samples(space, most)
    if space.transfer.is_hdr:
        kind = space.transfer.kind.upper()
        if not tone_map:
            raise ImageError(
                f"is of high dynamic range ({kind}, by its {space.source}), which sRGB cannot show: fit it with "
                "`cca-jax compress --tone-map`, or convert it with another program"
            )
        notes.append(f"high dynamic range ({kind}) was fitted to the range of sRGB")
        return _by_strips(colors, _tone_mapping(space, light, int(colors.max())))
    notes.append(f"colours were converted to sRGB, as its {space.source} says")
    if light.ndim == 1 and (samples.ndim == 2 or space.primaries.match(SRGB_PRIMARIES)):
        return _quantize(encode_srgb(light), samples.dtype)[colors]  # channel by channel, by a table
    matrix = to_srgb_matrix(space.primaries).T.astype(np.float32)

    def convert(strip: np.ndarray) -> np.ndarray:
        return encode_srgb((light[strip] if light.ndim == 1 else light[strip, np.arange(3)]) @ matrix)

    return _by_strips(colors, convert)


def _light_of_samples(space: RgbSpace, most: int) -> np.ndarray:
    """float32 [most + 1] or, of three curves, [most + 1, 3]: the light of each sample."""
    signal = np.arange(most + 1) / most
    if space.narrow_range:
        step = (most + 1) // 256
        signal = (np.arange(most + 1) - 16 * step) / (219 * step)
    return space.transfer.light(np.clip(signal, 0, 1)).astype(np.float32)


def _tone_mapping(space: RgbSpace, light: np.ndarray, brightest: int) -> Callable[[np.ndarray], np.ndarray]:
    """From strips of samples to signals of sRGB; `brightest` is the picture's largest sample."""
    matrix = to_srgb_matrix(space.primaries).T.astype(np.float32)
    kind, primaries = space.transfer.kind, space.primaries
    # HLG is relative to its display, so that its peak is that display's.
    brightest = brightest if kind == "pq" else len(light) - 1
    peak = float(tone_mapping.display_light(np.full((1, 3), light[brightest]), kind, primaries).max())

    def convert(strip: np.ndarray) -> np.ndarray:
        return encode_srgb(tone_mapping.fit(tone_mapping.display_light(light[strip], kind, primaries), peak) @ matrix)

    return convert


def _by_strips(samples: np.ndarray, convert: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Converts [H, W, C] samples to signals 0 to 1 in [n, 3] and those to samples, some pixels at a time."""
    flat = samples.reshape(-1, samples.shape[2])
    result = np.empty((len(flat), 3), samples.dtype)
    for start in range(0, len(flat), _PIXELS_AT_ONCE):
        strip = slice(start, start + _PIXELS_AT_ONCE)
        result[strip] = _quantize(convert(flat[strip]), samples.dtype)
    return result.reshape(*samples.shape[:2], 3)


def _quantize(signal: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The nearest samples of signals from 0 to 1."""
    return (signal * float(np.iinfo(dtype).max) + 0.5).astype(dtype)


def _without_ink(samples: np.ndarray) -> np.ndarray:
    """Red, green and blue that cyan, magenta, yellow and black leave, if inks were ideal filters."""
    most = float(np.iinfo(samples.dtype).max)

    def convert(strip: np.ndarray) -> np.ndarray:
        paper = 1 - strip.astype(np.float32) / most
        return paper[:, :3] * paper[:, 3:]

    return _by_strips(samples, convert)
