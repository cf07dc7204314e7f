"""One image through one codec at one setting: a real file, read back and decoded, and everything that is said of it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from cca_jax.cli.figures import bits_per_pixel
from cca_jax.objective.metrics import fidelity
from eval.codecs.interface import CodecError, Decoded, Encoded, EstimatingCodec, ImageCodec
from eval.rate_distortion.metrics.registry import Metric
from eval.results.records import ImageRecord
from eval.runner.compilation import steady
from eval.runner.images import LoadedImage
from eval.runner.memory import with_peak

FILE = "file"
"""The seconds that writing, or reading, the file takes. They are the disk's, and no part of the codec's total."""


def measure(
    codec: ImageCodec,
    image: LoadedImage,
    setting: float,
    file: Path,
    estimate: bool = False,
    metrics: Sequence[Metric] = (),
) -> tuple[ImageRecord, float]:
    """Codes, writes, reads, decodes and compares.

    Args:
        codec: any codec.
        image: the image.
        setting: one of the codec's.
        file: where the coded image is written; what is there is replaced.
        estimate: whether to add what the likelihoods say; the codec is ours then.
        metrics: further measures of quality; they count in no time.

    Returns:
        The record, and the seconds that compilation took, which are in none of its times.

    Raises:
        CodecError: the codec cannot code this image, or gave back another size.
        OSError: the file cannot be written or read.
    """
    (encoded, encode_peak), encode_compiling = steady(lambda: with_peak(lambda: _encode(codec, image, setting, file)))
    (decoded, decode_peak), decode_compiling = steady(lambda: with_peak(lambda: _decode(codec, file)))
    peaks = [peak for peak in (encode_peak, decode_peak) if peak is not None and codec.kind == "ours"]
    record = _record(codec, image, setting, encoded, decoded, estimate, metrics)
    times = {"encode_seconds": dict(encoded.seconds), "decode_seconds": dict(decoded.seconds)}
    record = record.model_copy(update={**times, "peak_memory_bytes": max(peaks, default=None)})
    return record, encode_compiling + decode_compiling


def measure_untimed(
    codec: ImageCodec,
    image: LoadedImage,
    setting: float,
    estimate: bool = False,
    metrics: Sequence[Metric] = (),
) -> ImageRecord:
    """As `measure`, where other images are coded at the same time: a record without times and memory.

    Raises:
        CodecError: as for `measure`.
    """
    encoded = codec.encode(image.pixels, setting)
    return _record(codec, image, setting, encoded, codec.decode(encoded.data), estimate, metrics)


def _record(
    codec: ImageCodec,
    image: LoadedImage,
    setting: float,
    encoded: Encoded,
    decoded: Decoded,
    estimate: bool,
    metrics: Sequence[Metric],
) -> ImageRecord:
    """All but times and memory."""
    if decoded.pixels.shape != image.pixels.shape:
        sizes = " and ".join(f"{pixels.shape[1]}×{pixels.shape[0]}" for pixels in (image.pixels, decoded.pixels))
        raise CodecError(f"{codec.name} gave back another size than it was given ({sizes})")
    height, width = image.pixels.shape[:2]
    psnr, ms_ssim = fidelity(image.pixels, decoded.pixels)
    promised = cast(EstimatingCodec, codec).estimate(image.pixels, setting) if estimate else None
    return ImageRecord(
        image=image.name,
        width=width,
        height=height,
        codec=codec.name,
        setting=setting,
        bytes=len(encoded.data),
        bits_per_pixel=bits_per_pixel(len(encoded.data), height, width),
        psnr=psnr if math.isfinite(psnr) else None,
        ms_ssim=None if ms_ssim is None else min(ms_ssim, 1.0),
        ms_ssim_db=_decibels(ms_ssim),
        encode_seconds={},
        decode_seconds={},
        bits_per_slice=encoded.stream_bits,
        estimated_bits_per_pixel=None if promised is None else promised.bits / (height * width),
        metrics={metric.name: metric.compute(image.pixels, decoded.pixels) for metric in metrics},
    )


def _encode(codec: ImageCodec, image: LoadedImage, setting: float, file: Path) -> Encoded:
    encoded = codec.encode(image.pixels, setting)
    started = time.perf_counter()
    file.write_bytes(encoded.data)
    writing = time.perf_counter() - started
    return Encoded(encoded.data, {**encoded.seconds, FILE: writing}, encoded.stream_bits)


def _decode(codec: ImageCodec, file: Path) -> Decoded:
    started = time.perf_counter()
    data = file.read_bytes()
    reading = time.perf_counter() - started
    decoded = codec.decode(data)
    return Decoded(decoded.pixels, {**decoded.seconds, FILE: reading})


def _decibels(ms_ssim: float | None) -> float | None:
    return None if ms_ssim is None or ms_ssim >= 1.0 else -10 * math.log10(1 - ms_ssim)
