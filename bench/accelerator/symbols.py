"""Files that a CPU made, decoded here: the same symbols?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from eval.portability.probe import decode_all

_ROOT = Path(__file__).parents[2]
PHOTO = _ROOT / "eval" / "demo" / "kodim23.png"
_QUALITIES = (10, 50, 90)


def compare_symbols(model: str, folder: Path) -> dict[str, Any]:
    """Compresses a photo on this machine's CPU, decodes it there and on the accelerator, and compares.

    Args:
        model: of exact scales, whose files decode to the same symbols everywhere.
        folder: receives the files and what was decoded.

    Returns:
        `files`, `same_symbols`: how many of them have the same ones; `levels`: by how much a pixel differs at most.

    Raises:
        ValueError: the CPU's part failed.
    """
    files, on_cpu, here = (folder / name for name in ("files", "cpu", "accelerator"))
    for path in (files, on_cpu, here):
        path.mkdir(parents=True, exist_ok=True)
    for quality in _QUALITIES:
        file = files / f"q{quality}.cca"
        if not file.exists():
            _on_cpu("cca_jax.cli", "compress", PHOTO, "-o", file, "--model", model, "--quality", quality)
    _on_cpu("eval.portability.probe", files, "--out", on_cpu, "--model", model)
    decode_all(files, here, model, "float32", jit=True)
    same, levels = 0, 0
    for path in sorted(on_cpu.glob("*.npz")):
        with np.load(path) as expected, np.load(here / path.name) as found:
            same += str(expected["symbols"]) == str(found["symbols"])
            difference = np.abs(expected["pixels"].astype(int) - found["pixels"].astype(int))
            levels = max(levels, int(difference.max()))
    return {"files": len(_QUALITIES), "same_symbols": same, "levels": levels}


def _on_cpu(module: str, *arguments: object) -> None:
    paths = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": paths, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ValueError(f"{module} failed on the CPU: {last}")
