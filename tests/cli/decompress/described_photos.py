"""Photos of which something beside their samples is known: depth, transparency, profile, Exif and XMP."""

import dataclasses

import numpy as np
from PIL import Image

from cca_jax.image_io.photo import Metadata, Photo

ROWS, COLUMNS = np.mgrid[:40, :56]
COLORS = np.stack([40 + 3 * COLUMNS, 30 + 4 * ROWS, 60 + ROWS + COLUMNS], axis=-1).astype(np.uint8)
ALPHA = np.clip(250 - 5 * COLUMNS, 0, 255).astype(np.uint8)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
MAKER, GPS = 0x010F, 0x8825
RAMP = np.repeat(np.linspace(0, 65535, 40 * 56).astype(np.uint16).reshape(40, 56, 1), 3, axis=2)
PLAIN = Photo(COLORS, 8, False, None, Metadata(), ())
TRANSPARENT = dataclasses.replace(PLAIN, alpha=ALPHA)
DEEP_GRAY = Photo(RAMP, 16, True, None, Metadata(), ())
DEEP_TRANSPARENT = dataclasses.replace(DEEP_GRAY, alpha=np.uint16(257) * ALPHA)


def exif(place=False):
    tags = Image.Exif()
    tags[MAKER] = "Maker of cameras"
    if place:
        tags.get_ifd(GPS)[1] = "N"
    return tags.tobytes().removeprefix(b"Exif\0\0")


def described(icc=None, place=False):
    return dataclasses.replace(PLAIN, metadata=Metadata(icc, exif(place), XMP))


def maker(photo):
    tags = Image.Exif()
    tags.load(photo.metadata.exif)
    return tags[MAKER]
