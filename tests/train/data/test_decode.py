import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from cca_jax.image_io.images import ImageError, read_image
from train.data.decode import check_header, decode_photo


def colors():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8))


def rotated():
    exif = Image.Exif()
    exif[0x0112] = 6
    return {"exif": exif}


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("plain.jpg", "RGB", {}),
        ("rotated.jpg", "RGB", rotated()),
        ("profile.png", "RGB", {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}),
        ("gray.png", "L", {}),
        ("two.png", "1", {}),
        ("palette.gif", "P", {}),
        ("see-through.webp", "RGBA", {"lossless": True}),
        ("print.jpg", "CMYK", {}),
        ("rotated.tif", "RGB", rotated()),
        ("deep.png", "I;16", {}),
    ],
)
def test_pixels_are_those_of_read_image(tmp_path, name, mode, options):
    picture = colors()
    if mode == "RGBA":
        picture.putalpha(100)
    elif mode == "I;16":
        picture = Image.fromarray(np.arange(54, dtype=np.uint16).reshape(6, 9) * 1200)
    else:
        picture = picture.convert(mode)
    path = tmp_path / name
    picture.save(path, **options)
    with path.open("rb") as file:
        decoded = decode_photo(file, name)
    np.testing.assert_array_equal(decoded, read_image(path).pixels)
    assert check_header(path) is None


def test_what_is_wrong_is_said_in_one_line(tmp_path):
    text = tmp_path / "text.png"
    text.write_text("no picture")
    assert check_header(text) == f"{text}: is not an image of a known format"
    assert check_header(tmp_path / "gone.png") == f"{tmp_path / 'gone.png'}: cannot be read: No such file or directory"
    encoded = io.BytesIO()
    colors().resize((99, 99)).save(encoded, "PNG")
    with pytest.raises(ImageError, match=r"^photo 3: is damaged or cut short \(.*truncated"):
        decode_photo(io.BytesIO(encoded.getvalue()[:-500]), "photo 3")
