"""What was measured: one image through one codec at one setting, and means over images.

Numbers in records are finite, because JSON knows no others: what would be infinite (the PSNR of an image that came back
identical) is None.
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Ge(0)]
Positive = Annotated[int, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Rate = Annotated[float, Gt(0)]
Similarity = Annotated[float, Ge(0), Le(1)]
Seconds = dict[str, NonNegative]


class Record(BaseModel):
    """Frozen; unknown fields are refused; numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ImageRecord(Record):
    """One image through one codec at one setting.

    Attributes:
        image: the image's name within the data set.
        width: pixels.
        height: pixels.
        codec: `CodecRecord.name`.
        setting: the codec's own, as in `CodecRecord.settings`.
        bytes: length of the whole file.
        bits_per_pixel: bits of the whole file over the original's pixels.
        psnr: decibels, on 8-bit RGB; None where the image came back identical (it is infinite then).
        ms_ssim: 0 to 1; None where the short side is under 176 pixels.
        ms_ssim_db: -10·log10(1 - MS-SSIM); None where MS-SSIM is None, or 1.
        metrics: by name, further measures that were asked for; None where the image is too small for one.
        encode_seconds: wall-clock time by part, with "total" among them; compilation is not in it. "file" is the
            writing, which is not in the total. Empty where images were coded side by side.
        decode_seconds: likewise; "file" is the reading.
        peak_memory_bytes: ours: most memory that the process held while it coded the image and decoded it; None where
            that cannot be told, and for others, since JAX and the models share the process with them.
        bits_per_slice: ours: bits of z, then of each slice, without the header.
        estimated_bits_per_pixel: ours, where asked for: what the likelihoods say, with the header.
    """

    image: str
    width: Positive
    height: Positive
    codec: str
    setting: float
    bytes: Positive
    bits_per_pixel: Rate
    psnr: float | None
    ms_ssim: Similarity | None
    ms_ssim_db: NonNegative | None
    encode_seconds: Seconds
    decode_seconds: Seconds
    peak_memory_bytes: Positive | None = None
    bits_per_slice: tuple[Count, ...] | None = None
    estimated_bits_per_pixel: Rate | None = None
    metrics: dict[str, float | None] = Field(default_factory=dict)


class MeanRecord(Record):
    """Means of the per-image values of a codec at a setting; a field means what it does in `ImageRecord`.

    Attributes:
        codec: `CodecRecord.name`.
        setting: as in `CodecRecord.settings`.
        count: images.
        count_ms_ssim: those that have an MS-SSIM, of which its means are.
        bytes: mean length of a file.
        bits_per_pixel: mean.
        psnr: mean; None where an image came back identical.
        ms_ssim: mean; None where no image is large enough.
        ms_ssim_db: mean of the decibels, not decibels of the mean; None likewise, or where one is infinite.
        encode_seconds: means by part, of the images that were timed; empty where none was.
        decode_seconds: likewise.
        count_timed: the images that were timed; None stands for all, as in reports of earlier versions.
        peak_memory_bytes: the largest, not the mean.
        bits_per_slice: means.
        estimated_bits_per_pixel: mean; None where an image has none.
        metrics: means; None where an image has none.
    """

    codec: str
    setting: float
    count: Positive
    count_ms_ssim: Count
    bytes: Rate
    bits_per_pixel: Rate
    psnr: float | None
    ms_ssim: Similarity | None
    ms_ssim_db: NonNegative | None
    encode_seconds: Seconds
    decode_seconds: Seconds
    count_timed: Count | None = None
    peak_memory_bytes: Positive | None = None
    bits_per_slice: tuple[NonNegative, ...] | None = None
    estimated_bits_per_pixel: Rate | None = None
    metrics: dict[str, float | None] = Field(default_factory=dict)


class Failure(Record):
    """What could not be measured.

    Attributes:
        image: the image's name.
        reason: one line.
        codec: the codec that failed; None where the image itself could not be read.
        setting: the setting it failed at.
    """

    image: str
    reason: str
    codec: str | None = None
    setting: float | None = None
