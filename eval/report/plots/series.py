"""What page and plots draw of results beside the means: settings in words, and the bits of every stream."""

from __future__ import annotations

from dataclasses import dataclass

from eval.results.results import CodecRecord, Results


def setting_label(codec: CodecRecord, setting: float) -> str:
    """A setting in words, "quality 30"; empty for a codec of a single rate."""
    return f"{codec.setting_name} {setting:g}" if len(codec.settings) > 1 or setting else ""


@dataclass(frozen=True)
class SliceRates:
    """Bits per pixel of the streams of one file.

    Attributes:
        image: the image's name.
        codec: the codec's.
        setting: its setting.
        rates: of z, then of each slice; without the header.
    """

    image: str
    codec: str
    setting: float
    rates: tuple[float, ...]


def slice_rates(results: Results) -> list[SliceRates]:
    """Where the bits of every file of ours go, in the order of the records."""
    return [
        SliceRates(
            record.image,
            record.codec,
            record.setting,
            tuple(bits / (record.width * record.height) for bits in record.bits_per_slice),
        )
        for record in results.records
        if record.bits_per_slice
    ]
