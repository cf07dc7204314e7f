"""VMAF (Netflix), by libvmaf in the ffmpeg that the package imageio-ffmpeg brings.

The model is vmaf_v0.6.1, which libvmaf holds itself: nothing is downloaded. Pictures are given as they are, each as a
video of one frame: RGB becomes BT.709 YCbCr 4:4:4 of limited range, of which VMAF reads luma. An image compared with
itself has about 97, not 100, because a still has no motion.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from cca_jax import install_hint
from eval.codecs.conventional import UnavailableError
from eval.codecs.interface import CodecError
from eval.codecs.programs import identity, run_program
from eval.rate_distortion.metrics.pairs import written_pair

_MODEL = "vmaf_v0.6.1"
_MIN_SIDE = 32
"""Below it the coarsest of the four scales has nothing left."""
_TO_LUMA = "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p"


@functools.cache
def version() -> str:
    """Of the model and of the program."""
    program = _program()
    with tempfile.TemporaryDirectory() as folder:
        gray = Path(folder) / "gray.png"
        Image.new("RGB", (2 * _MIN_SIDE, 2 * _MIN_SIDE), (128, 128, 128)).save(gray)
        try:
            _score(gray, gray, Path(folder) / "log.json")
        except CodecError as error:
            raise UnavailableError(f"needs an ffmpeg with libvmaf, and {program} is none ({error})") from error
    return f"{_MODEL}, imageio-ffmpeg {importlib.metadata.version('imageio-ffmpeg')} {identity(program)}"


def vmaf(reference: np.ndarray, decoded: np.ndarray) -> float | None:
    """0 to 100; None where a side is under 32 pixels."""
    if min(reference.shape[:2]) < _MIN_SIDE:
        return None
    with written_pair(reference, decoded) as (original, distorted):
        return _score(original, distorted, original.with_name("log.json"))


def _score(original: Path, distorted: Path, log: Path) -> float:
    graph = (
        f"[0:v]{_TO_LUMA}[distorted];[1:v]{_TO_LUMA}[reference];[distorted][reference]"
        f"libvmaf=model=version={_MODEL}:log_fmt=json:log_path={log}"
    )
    inputs = ("-i", distorted, "-i", original)
    run_program((_program(), "-hide_banner", "-loglevel", "error", *inputs, "-lavfi", graph, "-f", "null", "-"))
    return float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])


@functools.cache
def _program() -> Path:
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        raise UnavailableError(f"needs imageio-ffmpeg, {install_hint('metrics')}")
    import imageio_ffmpeg

    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise UnavailableError(f"needs ffmpeg: {error}") from error
