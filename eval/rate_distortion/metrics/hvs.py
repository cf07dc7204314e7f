"""PSNR-HVS and PSNR-HVS-M (Egiazarian et al. 2006, Ponomarenko et al. 2007), by the package psnr-hvsm.

Both weight the DCT coefficients of 8×8 blocks by the eye's sensitivity to contrast; M also counts what textures mask.
They are of luma alone, BT.601 rounded to 8 bits, as its authors' program takes it and the published figures of TID2013
were made.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import io
from typing import Any

import numpy as np

from cca_jax import install_hint
from eval.codecs.conventional import UnavailableError

_BLOCK = 8


def version() -> str:
    """Of the package."""
    if importlib.util.find_spec("psnr_hvsm") is None:
        raise UnavailableError(f"needs psnr-hvsm, {install_hint('metrics')}")
    return f"psnr-hvsm {importlib.metadata.version('psnr-hvsm')}"


def psnr_hvs(reference: np.ndarray, decoded: np.ndarray) -> float:
    """Decibels; 100 where luma is the same."""
    return _both(reference, decoded)[0]


def psnr_hvs_m(reference: np.ndarray, decoded: np.ndarray) -> float:
    """Decibels; 100 where luma is the same, or all errors are masked."""
    return _both(reference, decoded)[1]


def _both(reference: np.ndarray, decoded: np.ndarray) -> tuple[float, float]:
    backend = _backend()
    planes = [_whole_blocks(backend["bt601ycbcr"](image)[0]) for image in (reference, decoded)]
    plain, masked = backend["psnr_hvs_hvsm"](*planes)
    return float(plain), float(masked)


@functools.cache
def _backend() -> Any:
    with contextlib.redirect_stdout(io.StringIO()):  # it recommends packages when it is imported
        import psnr_hvsm
    return psnr_hvsm.BACKENDS.get("cpp", psnr_hvsm.BACKENDS["numpy"])


def _whole_blocks(luma: np.ndarray) -> np.ndarray:
    """With the last row and column repeated up to whole blocks."""
    below, right = (-side % _BLOCK for side in luma.shape)
    return np.pad(luma, ((0, below), (0, right)), mode="edge")
