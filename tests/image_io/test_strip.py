"""Metadata left out: all, or the location alone, of which no byte stays behind."""

import struct

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from cca_jax.image_io.photo import Metadata, Photo
from cca_jax.image_io.strip import exif_without_location, strip_metadata, xmp_without_location

MAKER, EXPOSURE = 0x010F, 0x829A
LATITUDE = ((52, 1), (30, 1), (12345, 1000))


def exif_with_gps():
    exif = Image.Exif()
    exif[MAKER] = "Maker of cameras"
    exif.get_ifd(0x8769)[EXPOSURE] = (1, 125)
    exif.get_ifd(0x8825).update({1: "N", 2: tuple(IFDRational(*part) for part in LATITUDE), 29: "2026:01:02"})
    return exif.tobytes().removeprefix(b"Exif\0\0")


def loaded(exif):
    tags = Image.Exif()
    tags.load(exif)
    return tags


@pytest.mark.parametrize("order", ["II", "MM"])
def test_location_alone_is_removed(order):
    before = exif_with_gps() if order == "MM" else little_endian()
    assert before[:2] == order.encode()
    assert loaded(before).get_ifd(0x8825)[1] == "N"
    after = exif_without_location(before)
    assert len(after) == len(before)
    assert dict(loaded(after)) == {tag: value for tag, value in loaded(before).items() if tag != 0x8825}
    assert dict(loaded(after).get_ifd(0x8769)) == dict(loaded(before).get_ifd(0x8769))
    assert dict(loaded(after).get_ifd(0x8825)) == {}


def little_endian():
    """A structure of this machine's own making: a maker, a location of which latitude and date are apart, no more."""
    rational = struct.pack("<6I", *np.array(LATITUDE).ravel())
    header, directory = b"II*\0\x08\0\0\0", struct.pack("<H", 2)
    gps_at = 8 + 2 + 24 + 4
    values_at = gps_at + 2 + 24 + 4
    entries = struct.pack("<HHI4s", MAKER, 2, 4, b"abc\0") + struct.pack("<HHII", 0x8825, 4, 1, gps_at)
    gps = struct.pack("<H", 2) + struct.pack("<HHI4s", 1, 2, 2, b"N\0\0\0") + struct.pack("<HHII", 2, 5, 3, values_at)
    return header + directory + entries + bytes(4) + gps + bytes(4) + rational


def test_no_byte_of_the_location_stays_behind():
    for before, values in (
        (little_endian(), struct.pack("<6I", *np.array(LATITUDE).ravel())),
        (exif_with_gps(), b"2026:01:02"),
    ):
        assert values in before
        assert values not in exif_without_location(before)


def test_exif_without_location_stays_as_it_is():
    plain = little_endian()[:8] + struct.pack("<HHHI4s", 1, MAKER, 2, 4, b"abc\0") + bytes(4)
    assert exif_without_location(plain) == plain


@pytest.mark.parametrize("exif", [b"II*\0", b"II*\0\xff\xff\0\0", b"II*\0\x08\0\0\0\xff\xff" + bytes(30)])
def test_damaged_exif_is_not_kept(exif):
    assert exif_without_location(exif) is None


def test_a_folder_that_follows_itself_ends():
    circular = b"II*\0\x08\0\0\0" + struct.pack("<HHHI4sI", 1, MAKER, 2, 4, b"abc\0", 8)
    assert exif_without_location(circular) == circular


XMP = b"""<rdf:Description xmlns:%b="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' tiff:Make="GPS maker"
 %b:GPSLatitude="52,30.2N" %b:FNumber="28/10" photoshop:City='Berlin'>
 <%b:GPSLongitude>13,24.3E</%b:GPSLongitude>
 <%b:GPSDestBearing/>
 <photoshop:Country>Germany</photoshop:Country>
 <photoshop:Credit>Somebody in Germany</photoshop:Credit>
</rdf:Description>"""


@pytest.mark.parametrize("prefix", [b"exif", b"e2"])
def test_location_in_xmp(prefix):
    after = xmp_without_location(XMP.replace(b"%b", prefix))
    for gone in (b"Latitude", b"52,30", b"Longitude", b"13,24", b"Bearing", b"Berlin", b"photoshop:Country"):
        assert gone not in after
    for kept in (b'tiff:Make="GPS maker"', prefix + b':FNumber="28/10"', b">Somebody in Germany</photoshop:Credit>"):
        assert kept in after


def test_all_or_the_location():
    photo = Photo(np.zeros((1, 1, 3), np.uint8), 8, False, None, Metadata(b"icc", exif_with_gps(), b"<x/>"), ("note",))
    assert strip_metadata(photo, "all").metadata == Metadata()
    kept = strip_metadata(photo, "gps").metadata
    assert (kept.icc, kept.exif, kept.xmp) == (b"icc", exif_without_location(exif_with_gps()), b"<x/>")
    assert strip_metadata(photo, "gps").notes == photo.notes
    with pytest.raises(ValueError, match="all or gps, got 'exif'"):
        strip_metadata(photo, "exif")
