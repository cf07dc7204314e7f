"""A Pillow plugin for .cca files: `import cca_jax.pillow`, then `Image.open("x.cca")` and `image.save("x.cca")`.

Opening reads the header: size, mode and metadata. The networks run when the pixels are first asked for, with the model
that the file names. Their programs are kept only where the process set that up
(`cca_jax.compile_cache.jax_cache.keep_compiled_programs`); else the first picture of a process compiles them.

    image.save("x.cca", quality=70, effort=3, model="lite", tile=512, exif=…, icc_profile=…, xmp=…)

`quality`, `effort` and `tile` are those of `Codec.compress`; `model` is a name or a folder. Colour profile, Exif and
XMP that the image has are carried; None leaves one out. What is opened is in sRGB, as the file's pixels are: its
`info["icc_profile"]` says so where the original had a profile, which is `info["original_icc_profile"]`.

How many pixels are accepted is Pillow's to say, of a .cca file as of any other: twice `Image.MAX_IMAGE_PIXELS`, or any
number where that is None. `Image.open` refuses more from the header alone, and decoding asks again.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFile

from cca_jax.bitstream import container
from cca_jax.bitstream.boxes import kinds
from cca_jax.bitstream.header import MAGIC, MAX_PIXELS
from cca_jax.image_io.srgb_profile import srgb_profile

if TYPE_CHECKING:
    from cca_jax.codec.codec import Codec

FORMAT = "CCA"
MIME_TYPE = "image/x-cca"
"""Not registered with IANA, hence the x."""
EXTENSION = ".cca"


class CcaImageFile(ImageFile.ImageFile):
    """A .cca file that Pillow has opened."""

    format = FORMAT
    format_description = "CCA learned image codec"

    def _open(self) -> None:
        from cca_jax.codec.pictures.photo_boxes import metadata_of, samples_of

        assert self.fp is not None
        self._data = self.fp.read()
        try:
            # The stream z is read to verify the header, and the boxes with it.
            file = container.read(self._data, 1)
            samples, metadata = samples_of(file.boxes), metadata_of(file.boxes)
        except ValueError as error:
            raise SyntaxError(str(error)) from error  # which is how Pillow's plugins refuse a file
        self._size = (file.width, file.height)
        transparent = any(box.kind == kinds.ALPHA for box in file.boxes)
        self._mode = _mode(samples.gray, transparent, deep=samples.depth > 8)
        if metadata.icc is not None:
            self.info["original_icc_profile"] = metadata.icc
            if not samples.gray:
                self.info["icc_profile"] = srgb_profile()
        if metadata.exif is not None:
            self.info["exif"] = b"Exif\0\0" + metadata.exif
        if metadata.xmp is not None:
            self.info["xmp"] = metadata.xmp
        self.info["depth"] = samples.depth
        if file.quality is not None:
            self.info["quality"] = file.quality
        self.tile = []

    def load(self) -> Image.core.PixelAccess | None:
        """Decodes, once."""
        if self._im is None:
            depth = 16 if self.mode == "I;16" else 8
            codec = _codec_of(container.read_header(self._data).model_identity, _max_pixels())
            photo = codec.decode(self._data, depth=depth)
            colors = photo.pixels[..., :1] if photo.gray else photo.pixels
            channels = [colors] if photo.alpha is None else [colors, photo.alpha[..., None]]
            array = np.concatenate(channels, axis=2)
            self.im = Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).im
        return super().load()


def _mode(gray: bool, transparent: bool, deep: bool) -> str:
    """Pillow's mode of a picture; it has 16 bits for grey alone, and then none for alpha."""
    if gray and deep and not transparent:
        return "I;16"
    return ("L" if gray else "RGB") + ("A" if transparent else "")


def _max_pixels() -> int:
    """How many pixels Pillow accepts: it warns of `Image.MAX_IMAGE_PIXELS` and refuses more than twice as many."""
    return MAX_PIXELS if Image.MAX_IMAGE_PIXELS is None else 2 * Image.MAX_IMAGE_PIXELS


@functools.cache
def _codec_of(identity: bytes, max_pixels: int) -> Codec:
    from cca_jax.bundles import registry

    return _codec(str(registry.find_model(identity)), max_pixels)


@functools.cache
def _codec(model: str | None, max_pixels: int) -> Codec:
    import cca_jax
    from cca_jax.bundles import registry

    return cca_jax.load_model(registry.DEFAULT_MODEL if model is None else model, max_pixels=max_pixels)


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(MAGIC)


def _bytes(value: Any) -> bytes | None:
    """What `save` was given for a kind of metadata, without the prefix that Pillow sets before Exif."""
    if isinstance(value, Image.Exif):
        value = value.tobytes()
    return value.removeprefix(b"Exif\0\0") if value else None


def _save(image: Image.Image, fp: IO[bytes], filename: str | bytes) -> None:
    from cca_jax.codec.pictures.source import photo_of_image

    del filename
    options: dict[str, Any] = image.encoderinfo
    photo = photo_of_image(image)
    metadata = photo.metadata
    for option, field in (("exif", "exif"), ("xmp", "xmp"), ("icc_profile", "icc")):
        if option in options:
            metadata = dataclasses.replace(metadata, **{field: _bytes(options[option])})
    codec = _codec(None if options.get("model") is None else str(options["model"]), _max_pixels())
    data = codec.compress(
        dataclasses.replace(photo, metadata=metadata),
        options.get("quality"),
        tile=options.get("tile"),
        effort=options.get("effort", 0),
    )
    fp.write(data)


Image.register_open(FORMAT, CcaImageFile, _accept)
Image.register_save(FORMAT, _save)
Image.register_extension(FORMAT, EXTENSION)
Image.register_mime(FORMAT, MIME_TYPE)
