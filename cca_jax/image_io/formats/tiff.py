"""TIFF: which page is the picture, and what its samples mean."""

from __future__ import annotations

import io
import logging

import numpy as np
import tifffile
from PIL import TiffImagePlugin

from cca_jax.image_io.color import lab
from cca_jax.image_io.errors import ImageError
from cca_jax.image_io.formats import pillow
from cca_jax.image_io.formats.raster import Metadata, Pixels, Raster, full_range
from cca_jax.image_io.formats.structures import tiff_tags

# As is usual for a library's log: without a handler Python would print what is odd in a file.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_REDUCED, _MASK = 1, 4
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _CIELAB, _ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
_RAW_PHOTO = frozenset({32803, 34892})
_JPEG = frozenset({7, 33007, 34892})
_PILLOW_ONLY = frozenset({2, 3, 4, 6, 32771})
"""Fax codes and JPEG as of 1992, which tifffile leaves to others."""

_ASSOCIATED, _UNASSOCIATED = 1, 2


def decode(data: bytes) -> Raster:
    """Decodes the picture: the first page that is neither a reduced copy of another one nor a mask.

    Raises:
        ImageError: a raw photo, or samples without a known range or colour.
        Exception: whatever the decoder raises where the file is damaged.
    """
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page, count = _choose(file)
        notes = [f"holds {count} pages, of which only the first was taken"] if count > 1 else []
        pillow.check_size(page.imagewidth * max(1, page.samplesperpixel // 4), page.imagelength)
        premultiplied = False
        if page.compression in _PILLOW_ONLY or (page.photometric == _YCBCR and page.compression not in _JPEG):
            decoded, depth = _by_pillow(tiff_tags.starting_at(data, page.offset)), 8
        else:
            samples, depth = _samples(page)
            decoded, premultiplied = _meaning(page, samples, depth, notes)
        icc = tiff_tags.value_bytes(page, 34675)
        tags = tiff_tags.exif(tiff_tags.starting_at(data, page.offset))
        is_lab = page.photometric in (_CIELAB, _ICCLAB)
        statements = [] if is_lab else tiff_tags.statements(page, icc)
        orientation = page.tags.valueof(274, default=1)
        return Raster(
            *decoded[:2],
            depth=max(depth, 8),
            alpha=decoded[2],
            premultiplied=premultiplied,
            statements=statements or ([] if is_lab else pillow.exif_statements(tags, notes)),
            orientation=orientation if orientation in range(1, 9) else 1,
            metadata=Metadata(icc, tags, tiff_tags.value_bytes(page, 700)),
            notes=notes,
        )


def _choose(file: tifffile.TiffFile) -> tuple[tifffile.TiffPage, int]:
    """The page that is the picture, and how many such there are."""
    pages = [page.aspage() for page in file.pages]
    pages += [child.aspage() for page in pages for child in page.pages or ()]
    if any(page.photometric in _RAW_PHOTO or 50706 in page.tags for page in pages):
        raise ImageError("is a raw photo of a camera: develop it to TIFF, PNG or JPEG first")
    whole = [page for page in pages if not _kind_of_page(page) & (_REDUCED | _MASK)]
    if not pages:
        raise ValueError("it has no page")
    return (whole or sorted(pages, key=lambda page: -page.imagewidth * page.imagelength))[0], len(whole)


def _kind_of_page(page: tifffile.TiffPage) -> int:
    """NewSubfileType, or what the older SubfileType says in its terms."""
    old = page.tags.valueof(255, default=0)
    return int(page.tags.valueof(254, default=_REDUCED if old == 2 else 0))


def _by_pillow(data: bytes) -> Pixels:
    with pillow.open_image(data, "TIFF") as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        # The tag would turn the picture while it is decoded.
        image.tag_v2._tags_v2.pop(274, None)
        image.load()
        return pillow.pixels(image)


def _samples(page: tifffile.TiffPage) -> tuple[np.ndarray, int]:
    """[H, W, C] over all of uint8 or uint16 (indexes of a palette as they are), and the bits of one in the file.

    Raises:
        ImageError: they are signed, floating-point, of more than 16 bits, or of different depths.
    """
    kind = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}.get(page.sampleformat)
    bits = page.bitspersample
    if kind is None and bits > 16:
        kind = f"{bits}-bit integer"
    if kind is not None:
        raise ImageError(f"holds {kind} samples, whose range is not known: convert it to 8 or 16 bits")
    samples = page.asarray(maxworkers=1)
    if page.imagedepth != 1:
        raise ImageError("holds a volume, not a picture: save one of its slices")
    if page.compression in _JPEG:
        bits = 8 if samples.dtype == np.uint8 else bits
    samples = (
        samples.reshape(page.imagelength, page.imagewidth, -1) if page.planarconfig == 1 else _interleaved(samples)
    )
    samples = samples.astype(np.uint8) if samples.dtype == np.bool_ else samples
    if page.photometric == _PALETTE:
        return samples, bits
    return full_range(samples, (1 << bits) - 1), bits


def _interleaved(samples: np.ndarray) -> np.ndarray:
    return samples[..., None] if samples.ndim == 2 else np.moveaxis(samples, 0, -1)


def _meaning(page: tifffile.TiffPage, samples: np.ndarray, depth: int, notes: list[str]) -> tuple[Pixels, bool]:
    """Colours by their model, and alpha; also whether colours were multiplied by it."""
    photometric = int(page.photometric)
    channels = {_RGB: 3, _YCBCR: 3, _CMYK: 4, _CIELAB: 3, _ICCLAB: 3}.get(photometric, 1)
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _CIELAB, _ICCLAB):
        raise ImageError(f"holds colours of a kind that is not read (photometric {photometric}): convert it to RGB")
    if samples.shape[2] < channels or (photometric == _CMYK and page.tags.valueof(332, default=1) != 1):
        raise ImageError("holds inks other than cyan, magenta, yellow and black: convert it to RGB")
    alpha, premultiplied = _alpha(page, samples, channels, notes)
    colors = samples[..., 0] if channels == 1 else samples[..., :channels]
    model = {1: "gray", 3: "rgb", 4: "cmyk"}[channels]
    if photometric == _WHITE_IS_ZERO:
        colors = np.iinfo(colors.dtype).max - colors
    elif photometric == _PALETTE:
        colors, model = _palette(page)[colors], "rgb"
        alpha = None if alpha is None else full_range(alpha, (1 << depth) - 1).astype(colors.dtype)
    elif photometric in (_CIELAB, _ICCLAB):
        colors = lab.decode_tiff(colors, icc_encoding=photometric == _ICCLAB)
    return (colors, model, alpha), premultiplied


def _alpha(
    page: tifffile.TiffPage, samples: np.ndarray, channels: int, notes: list[str]
) -> tuple[np.ndarray | None, bool]:
    """The first sample beside the colours that means transparency; also whether colours were multiplied by it."""
    kinds = [int(kind) for kind in page.extrasamples]
    for index, kind in enumerate(kinds[: samples.shape[2] - channels]):
        if kind in (_ASSOCIATED, _UNASSOCIATED):
            return samples[..., channels + index], kind == _ASSOCIATED
    if not kinds and samples.shape[2] == channels + 1:
        # The tag is missing. Most writers then mean transparency; a plane of zeros is padding.
        alpha = samples[..., channels]
        if alpha.any():
            notes.append("does not say what its additional samples are; they were taken for transparency")
            return alpha, False
    return None, False


def _palette(page: tifffile.TiffPage) -> np.ndarray:
    """uint8 [n, 3]."""
    table = np.asarray(page.colormap).T
    if table.max(initial=0) < 256:  # some writers keep to 8 bits
        return table.astype(np.uint8)
    return ((table.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
