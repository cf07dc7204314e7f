"""A file, once it is known to be a model's own."""

from __future__ import annotations

from cca_jax.bitstream import container
from cca_jax.bitstream.partial import read_whole_streams
from cca_jax.codec.checks.limits import check_memory, check_pixels
from cca_jax.config import ModelConfig
from cca_jax.config.quality_scale import MAX_QUALITY, MIN_QUALITY
from cca_jax.entropy_coding.errors import FormatError


def read_own(
    data: bytes,
    name: str,
    identity: bytes,
    config: ModelConfig,
    slices: int | None,
    max_pixels: int,
    partial: bool = False,
) -> container.Container:
    """The contents of a file that a model made.

    Args:
        data: the file; it may end after the slices to be read.
        name: what people call the model.
        identity: its own, 8 bytes.
        config: its sizes.
        slices: how many slices to read, from the first; None for all.
        max_pixels: of an image that is accepted.
        partial: takes what is whole of a file that is damaged or cut short.

    Raises:
        FormatError: not a `.cca` file, or made with another model.
        CorruptError: damaged or cut short; with `partial`, nothing of it is whole.
        TooLargeError: the image or its tiles.
        ValueError: more slices than the model has.
    """
    if slices is not None and not 0 <= slices <= config.num_slices:
        raise ValueError(f"model {name!r} has {config.num_slices} slices, {slices} cannot be decoded")
    header = container.read_header(data)
    # Verifies the header: a flipped bit is damage, not another model.
    left = read_whole_streams(data) if partial else None
    if left is None:
        container.read(data, 1)
    if header.model_identity != identity:
        raise FormatError(
            f"the file was made with model {header.model_identity.hex()}, this is {name!r} "
            f"({identity.hex()}): decode it with its own model"
        )
    written = 1 + config.num_slices
    if header.num_streams != written:
        raise FormatError(f"the file has {header.num_streams} streams, the model writes {written}")
    if (header.quality is None) == bool(config.rate_weights):
        raise FormatError(f"the file states {'no' if header.quality is None else 'a'} quality: not of this model")
    if header.quality is not None and not MIN_QUALITY <= header.quality <= MAX_QUALITY:
        raise FormatError(f"the file states quality {header.quality:g}, which no model has")
    check_pixels(header.height, header.width, max_pixels)
    check_memory(config, header.grid)
    if left is not None:
        return left if slices is None else left.limited(slices)
    return container.read(data, None if slices is None else 1 + slices)
