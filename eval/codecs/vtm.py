"""VTM, the reference software of VVC (H.266), where its programs are on the PATH.

Its input is made by `ycbcr`: BT.709, 4:4:4, 10 bits. The published curve (`rate_distortion/curves`) had 8-bit input.
A raw VVC stream decodes to planes that do not say their shape, so the file is the stream behind four bytes, width and
height: on Kodak 0.0001 bits per pixel.
"""

from __future__ import annotations

import os
import struct
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from eval.codecs.conventional import ConventionalCodec, UnavailableError
from eval.codecs.interface import CodecError
from eval.codecs.programs import find_program, identity, run_program
from eval.codecs.ycbcr import BIT_DEPTH, planes_from_rgb, rgb_from_planes

CONFIG_VARIABLE = "VTM_CONFIG"
"""Environment variable that names the encoder's configuration file."""

_CONFIG = "encoder_intra_vtm.cfg"
_SHAPE = struct.Struct("<HH")


def vtm() -> ConventionalCodec:
    """VTM, all intra, at QP 47 to 22, those of the published curve.

    Raises:
        UnavailableError: a program or its configuration is missing.
    """
    encoder = find_program("EncoderAppStatic", "EncoderApp")
    decoder = find_program("DecoderAppStatic", "DecoderApp")
    config = _find_config(encoder)
    return ConventionalCodec(
        name="VTM",
        version=f"VTM, build {identity(encoder, decoder, config)}, {config.name}, 4:4:4, {BIT_DEPTH} bits, 1 thread",
        all_settings=tuple(range(63, -1, -1)),
        settings=(47, 42, 37, 32, 27, 22),
        write=partial(_write, encoder, config),
        read=partial(_read, decoder),
        setting_name="QP",
        external=True,
    )


def _find_config(encoder: Path) -> Path:
    if named := os.environ.get(CONFIG_VARIABLE):
        if not Path(named).is_file():
            raise UnavailableError(f"{CONFIG_VARIABLE} names {named}, which is not a file")
        return Path(named)
    folder = encoder.resolve().parent
    for candidate in (folder / _CONFIG, folder / "cfg" / _CONFIG, folder.parent / "cfg" / _CONFIG):
        if candidate.is_file():
            return candidate
    raise UnavailableError(f"needs {_CONFIG} beside {encoder.name}, or the path of one in {CONFIG_VARIABLE}")


def _write(encoder: Path, config: Path, pixels: np.ndarray, qp: int) -> bytes:
    height, width = pixels.shape[:2]
    if max(height, width) > np.iinfo(np.uint16).max:
        raise CodecError(f"VTM: {width}x{height} pixels are too many for it")
    with tempfile.TemporaryDirectory() as folder:
        source, stream = Path(folder) / "source.yuv", Path(folder) / "stream.bin"
        planes_from_rgb(pixels).astype("<u2").tofile(source)
        options = {
            "InputBitDepth": BIT_DEPTH,
            "InputChromaFormat": 444,
            "SourceWidth": width,
            "SourceHeight": height,
            "FrameRate": 1,
            "FramesToBeEncoded": 1,
            "QP": qp,
            "ConformanceWindowMode": 1,  # any size: it pads, and its decoder crops
            "InputFile": source,
            "BitstreamFile": stream,
            "ReconFile": os.devnull,
        }
        run_program([encoder, "-c", config, *(f"--{name}={value}" for name, value in options.items())])
        return _SHAPE.pack(width, height) + stream.read_bytes()


def _read(decoder: Path, data: bytes) -> np.ndarray:
    width, height = _SHAPE.unpack_from(data)
    with tempfile.TemporaryDirectory() as folder:
        stream, decoded = Path(folder) / "stream.bin", Path(folder) / "decoded.yuv"
        stream.write_bytes(data[_SHAPE.size :])
        run_program([decoder, "-b", stream, "-o", decoded, "-d", str(BIT_DEPTH)])
        return rgb_from_planes(np.fromfile(decoded, "<u2").reshape(3, height, width))
