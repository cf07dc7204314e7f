"""Metadata left out: all of them, or only where the picture was taken.

Location is removed where it stands, and its bytes are overwritten. Writing Exif anew would move the camera's own notes,
whose offsets only their maker knows.
"""

from __future__ import annotations

import dataclasses
import re
import struct

from cca_jax.image_io.photo import Metadata, Photo

KINDS = ("all", "gps")

_GPS_POINTER = 0x8825
_ENTRY = 12
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of a value by a tag's type."""

_XMP_PLACES = {
    rb"http://ns.adobe.com/exif/1.0/": rb"GPS\w*",
    rb"http://ns.adobe.com/photoshop/1.0/": rb"City|State|Country",
    rb"http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": rb"Location|CountryCode",
    rb"http://iptc.org/std/Iptc4xmpExt/2008-02-29/": rb"LocationCreated|LocationShown",
}
"""Properties that say where, by their namespace; each packet names a prefix for it."""


def strip_metadata(photo: Photo, what: str) -> Photo:
    """The photo without some of its metadata.

    Args:
        photo: any.
        what: "all" leaves out colour profile, Exif and XMP; "gps" the location in Exif and XMP.
    """
    if what not in KINDS:
        raise ValueError(f"metadata are stripped by {' or '.join(KINDS)}, got {what!r}")
    metadata = photo.metadata
    kept = (
        Metadata()
        if what == "all"
        else dataclasses.replace(
            metadata,
            exif=None if metadata.exif is None else exif_without_location(metadata.exif),
            xmp=None if metadata.xmp is None else xmp_without_location(metadata.xmp),
        )
    )
    return dataclasses.replace(photo, metadata=kept)


def exif_without_location(exif: bytes) -> bytes | None:
    """A TIFF structure without its folders of location; None where it is damaged, so that nothing of it is known."""
    data = bytearray(exif)
    order = "<" if exif[:2] == b"II" else ">"
    try:
        folder, seen = struct.unpack_from(order + "I", data, 4)[0], set[int]()
        while folder and folder not in seen:
            seen.add(folder)
            folder = _remove_pointer(data, order, folder)
    except struct.error:
        return None
    return bytes(data)


def _remove_pointer(data: bytearray, order: str, folder: int) -> int:
    """Removes the entry that points to a folder of location, and that; returns where the next folder is.

    Raises:
        struct.error: the folder reaches beyond the structure.
    """
    (count,) = struct.unpack_from(order + "H", data, folder)
    first, end = folder + 2, folder + 2 + _ENTRY * count
    (following,) = struct.unpack_from(order + "I", data, end)
    for entry in range(first, end, _ENTRY):
        tag, _, _, target = struct.unpack_from(order + "HHII", data, entry)
        if tag == _GPS_POINTER:
            _overwrite(data, order, target)
            # The entries behind it and the pointer to the next folder move up; a folder has no gaps.
            data[entry : end + 4] = data[entry + _ENTRY : end + 4] + bytes(_ENTRY)
            struct.pack_into(order + "H", data, folder, count - 1)
            break
    return int(following)


def _overwrite(data: bytearray, order: str, folder: int) -> None:
    """Zeros in the place of a folder and of the values that it points to."""
    (count,) = struct.unpack_from(order + "H", data, folder)
    for entry in range(folder + 2, folder + 2 + _ENTRY * count, _ENTRY):
        _, kind, number, offset = struct.unpack_from(order + "HHII", data, entry)
        size = _SIZES.get(kind, 1) * number
        if size > 4:
            stop = min(offset + size, len(data))
            data[offset:stop] = bytes(max(0, stop - offset))
    stop = min(folder + 2 + _ENTRY * count + 4, len(data))
    data[folder:stop] = bytes(stop - folder)


def xmp_without_location(xmp: bytes) -> bytes:
    """A packet without the properties that say where, written as attributes or as elements."""
    for namespace, places in _XMP_PLACES.items():
        for prefix in set(re.findall(rb"""xmlns:([\w.-]+)\s*=\s*["']""" + re.escape(namespace), xmp)):
            name = rb"%b:(?:%b)" % (re.escape(prefix), places)
            attribute = rb"""\s+%b\s*=\s*(?:"[^"]*"|'[^']*')""" % name
            empty = rb"\s*<%b(?:\s[^<>]*)?/>" % name
            element = rb"\s*<(%b)(?:\s[^<>]*)?>.*?</\1\s*>" % name
            for pattern in (attribute, empty, element):
                xmp = re.sub(pattern, b"", xmp, flags=re.DOTALL)
    return xmp
