"""What a file can say of its colours: an ICC profile, or primaries and a transfer function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cca_jax.image_io.color.primaries import PRIMARIES, SRGB_PRIMARIES, Primaries
from cca_jax.image_io.color.transfer import SRGB_TRANSFER, TRANSFERS, Transfer
from cca_jax.image_io.errors import ImageError

UNSPECIFIED = 2
"""The code point of ITU-T H.273 for "decide by other means"."""


@dataclass(frozen=True)
class RgbSpace:
    """Colours by primaries and a transfer function.

    Attributes:
        source: where the file says so, for messages.
        primaries: chromaticities.
        transfer: from samples to light.
        narrow_range: whether black is 16/256 and white 235/256 of the samples' range, as in video.
    """

    source: str
    primaries: Primaries = SRGB_PRIMARIES
    transfer: Transfer = SRGB_TRANSFER
    narrow_range: bool = False

    @property
    def is_srgb(self) -> bool:
        """Whether nothing is to be converted."""
        return not self.narrow_range and self.transfer == SRGB_TRANSFER and self.primaries.match(SRGB_PRIMARIES)


@dataclass(frozen=True)
class IccProfile:
    """Colours by an ICC profile, the bytes of which need not be sound."""

    source: str
    data: bytes


ColorStatement: TypeAlias = RgbSpace | IccProfile


def coded_space(source: str, primaries: int, transfer: int, full_range: bool = True) -> RgbSpace | None:
    """The space of code points of ITU-T H.273 (also ISO/IEC 23091-2), as cICP and nclx give them.

    Args:
        source: where the file says so.
        primaries: ColourPrimaries.
        transfer: TransferCharacteristics.
        full_range: VideoFullRangeFlag.

    Returns:
        The space; what one code leaves unspecified is sRGB's. None where both do.

    Raises:
        ImageError: a code point is reserved.
    """
    if primaries == transfer == UNSPECIFIED and full_range:
        return None
    for code, known, kind in ((primaries, PRIMARIES, "primaries"), (transfer, TRANSFERS, "transfer function")):
        if code not in known and code != UNSPECIFIED:
            raise ImageError(f"its {source} names unknown {kind} ({code}): convert it to sRGB with another program")
    return RgbSpace(
        source,
        PRIMARIES.get(primaries, SRGB_PRIMARIES),
        TRANSFERS.get(transfer, SRGB_TRANSFER),
        narrow_range=not full_range,
    )


def adobe_rgb(source: str) -> RgbSpace:
    """Adobe RGB (1998): its own green, D65, and the power 2 + 51/256."""
    return RgbSpace(
        source,
        Primaries((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), (0.3127, 0.3290)),
        Transfer("power", 2 + 51 / 256),
    )


def romm_rgb(source: str) -> RgbSpace:
    """ROMM RGB (ISO 22028-2), which others call ProPhoto RGB."""
    return RgbSpace(
        source,
        Primaries((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.3457, 0.3585)),
        Transfer("romm"),
    )
