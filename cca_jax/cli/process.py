"""What a command changes in its process, for speed and quiet; the library changes nothing in any process."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import re
from collections.abc import Iterator

from cca_jax.cli.quiet_tensorflow import hold_back, quietly
from cca_jax.entropy_coding.tensorflow.start import start_within

_OBJECTS_BETWEEN_COLLECTIONS = 200_000
"""Tracing a model makes a million objects that stay: looking for garbage among them takes a fifth of its time."""
_RAY_NOISE = re.compile(rb"\[\d{4}-\d\d-\d\d [\d:,]+ [IWEF] \d+ \d+\] ")  # [2026-01-31 12:00:00,000 I 1 1] file.cc:1: …


@contextlib.contextmanager
def quiet_ray() -> Iterator[None]:
    """Where Ray is to start: neither then nor later its C++ part prints what concerns only Ray."""
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with hold_back(_RAY_NOISE):
        yield


def prepare_process() -> None:
    """To be called once by the `main` of a command, before it works."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    atexit.register(gc.freeze)  # Python ends by looking for garbage three times, a third of a second with JAX
    start_within(quietly)


@contextlib.contextmanager
def pillow_limit(max_pixels: int | None) -> Iterator[None]:
    """Makes Pillow refuse, from an image's header, what the codec would; None is the codec's default."""
    from PIL import Image

    from cca_jax.codec.checks.limits import DEFAULT_MAX_PIXELS

    before, most = Image.MAX_IMAGE_PIXELS, DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels
    Image.MAX_IMAGE_PIXELS = -(-most // 2)  # it warns of so many, and refuses more than twice as many
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
