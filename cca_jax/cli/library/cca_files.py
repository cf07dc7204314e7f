"""What a .cca file says of itself, without a model: its header, its boxes, its coder, and what of it is missing."""

from __future__ import annotations

from typing import Any


def read_header(data: bytes) -> Any:
    """The header of a .cca file, a `cca_jax.bitstream.header.Header`; the streams may be cut short.

    Raises:
        ValueError: not a .cca file, or its header is damaged.
    """
    from cca_jax.bitstream import container

    return container.read_header(data)


def box_facts(header: Any) -> dict[str, Any]:
    """What the boxes hold, once they are verified, of a header that `read_header` gave; see `library.box_facts`.

    Raises:
        ValueError: one is damaged, or is not known here and needed.
    """
    from cca_jax.bitstream import container
    from cca_jax.bitstream.boxes.section import verified
    from cca_jax.cli.library import box_facts

    return box_facts.box_facts(verified(header.boxes, container.prefix_of(header)))


def coder_name(identifier: int) -> str | None:
    """The name of the range coder with that number in a file, installed or not; None if it is not known here."""
    from cca_jax.entropy_coding import coders

    return coders.coder_name(identifier)


def missing_parts(data: bytes) -> str | None:
    """What is not there of a .cca file that was cut short or damaged, in a few words; None where it is whole.

    Raises:
        ValueError: not a .cca file, or nothing of it is there.
    """
    from cca_jax.bitstream.boxes.kinds import box_name
    from cca_jax.bitstream.partial import read_whole_streams

    file, header = read_whole_streams(data), read_header(data)
    whole = {box.kind for box in file.boxes}
    lost = [f"the {box_name(entry.box.kind)} is lost" for entry in header.boxes if entry.box.kind not in whole]
    return ", ".join([*filter(None, [file.missing]), *lost]) or None
