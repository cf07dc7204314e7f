"""BPG (HEVC intra), where `bpgenc` and `bpgdec` are on the PATH.

It converts colours itself, from and to PNG: BT.601 full range ("ycbcr"), 4:4:4, 8 bits.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from eval.codecs.conventional import ConventionalCodec
from eval.codecs.pillow_formats import read
from eval.codecs.programs import find_program, identity, run_program


def bpg() -> ConventionalCodec:
    """BPG at QP 44 to 23, with the encoder and effort that the program itself prefers.

    Raises:
        UnavailableError: a program is missing.
    """
    encoder, decoder = find_program("bpgenc"), find_program("bpgdec")
    return ConventionalCodec(
        name="BPG",
        version=f"BPG, build {identity(encoder, decoder)}, 4:4:4, 8 bits, as many threads as it likes",
        all_settings=tuple(range(51, -1, -1)),
        settings=(44, 41, 38, 35, 32, 29, 26, 23),
        write=partial(_write, encoder),
        read=partial(_read, decoder),
        setting_name="QP",
        external=True,
    )


def _write(encoder: Path, pixels: np.ndarray, qp: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, coded = Path(folder) / "source.png", Path(folder) / "coded.bpg"
        Image.fromarray(pixels).save(source, compress_level=1)
        run_program([encoder, "-q", str(qp), "-f", "444", "-b", "8", "-c", "ycbcr", "-o", coded, source])
        return coded.read_bytes()


def _read(decoder: Path, data: bytes) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        coded, decoded = Path(folder) / "coded.bpg", Path(folder) / "decoded.png"
        coded.write_bytes(data)
        run_program([decoder, "-o", decoded, coded])
        return read(decoded.read_bytes(), "PNG")
