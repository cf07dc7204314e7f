"""HEIC and JPEG XL, through the optional packages pillow-heif and pillow-jxl-plugin."""

from __future__ import annotations

import importlib
import importlib.metadata
import io
from types import ModuleType

import numpy as np

from eval.codecs.conventional import ConventionalCodec, UnavailableError, held
from eval.codecs.pillow_formats import read, write

_EFFORT = 7


def heic() -> ConventionalCodec:
    """HEVC intra in a HEIF file, by x265: 4:4:4, 8 bits, BT.601 full range, preset slow, tuned for PSNR.

    Chosen as for AVIF: libheif's default tuning, for SSIM, is 0.5 to 0.8 dB below. Nothing is registered with Pillow:
    what else reads images in this process does not come to read HEIC.

    Raises:
        UnavailableError: pillow-heif is missing, or has no encoder.
    """
    pillow_heif = _import("pillow_heif", "pillow-heif")
    libraries = pillow_heif.libheif_info()
    if not libraries["encoders"].get("x265"):
        raise UnavailableError(
            "pillow-heif was built without the encoder x265: install its wheel from the package index"
        )
    # x265 runs on as many threads as it finds cores unless it is given no pool of them.
    options = {"preset": "slow", "tune": "psnr", "x265:pools": "none"}

    def write_heic(pixels: np.ndarray, quality: int) -> bytes:
        buffer = io.BytesIO()
        height, width = pixels.shape[:2]
        # The dictionary is the library's to change.
        pillow_heif.encode(
            "RGB", (width, height), pixels.tobytes(), buffer, quality=quality, chroma=444, enc_params=dict(options)
        )
        return buffer.getvalue()

    def read_heic(data: bytes) -> np.ndarray:
        with held(pillow_heif.options, "DECODE_THREADS", 1):
            return np.array(pillow_heif.open_heif(data).to_pillow().convert("RGB"))

    return ConventionalCodec(
        name="HEIC",
        version=(
            f"libheif {libraries['libheif']}, {libraries['HEIF']}, in pillow-heif {pillow_heif.__version__}, 4:4:4, "
            "preset slow, tuned for PSNR, 1 thread"
        ),
        all_settings=tuple(range(101)),
        settings=(10, 16, 22, 28, 34, 40, 46, 52),
        write=write_heic,
        read=read_heic,
    )


def jpeg_xl() -> ConventionalCodec:
    """JPEG XL, lossy (VarDCT), at libjxl's default effort 7; it has no tuning for PSNR, and optimises its own metric.

    Raises:
        UnavailableError: pillow-jxl-plugin is missing.
    """
    _import("pillow_jxl", "pillow-jxl-plugin")
    plugin = importlib.import_module("pillow_jxl.JpegXLImagePlugin")

    def read_jxl(data: bytes) -> np.ndarray:
        with held(plugin, "DECODE_THREADS", 1):
            return read(data, "JXL")

    return ConventionalCodec(
        name="JPEG XL",
        version=f"pillow-jxl-plugin {importlib.metadata.version('pillow-jxl-plugin')}, effort {_EFFORT}, 1 thread",
        all_settings=tuple(range(100)),
        settings=(0, 8, 16, 30, 45, 60, 70, 80, 86),
        write=lambda pixels, quality: write(pixels, "JXL", quality=quality, effort=_EFFORT, num_threads=1),
        read=read_jxl,
    )


def _import(module: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UnavailableError(f"needs the package {package}: python -m pip install {package}") from error
