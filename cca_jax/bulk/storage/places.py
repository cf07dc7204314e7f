"""What is at a place: a file, or a picture within an archive."""

from __future__ import annotations

from cca_jax.bulk.storage import archives, stores


def read(place: str) -> bytes:
    """The content; errors as for `stores.read` and `archives.read_member`."""
    member = archives.split(place)
    return stores.read(place) if member is None else archives.read_member(*member)


def state(place: str) -> stores.State | None:
    """What is known of it without its being read; None where there is nothing. A member has its archive's version."""
    member = archives.split(place)
    if member is None:
        return stores.state(place)
    found = stores.state(member[0])
    return None if found is None else stores.State(None, found.version)
