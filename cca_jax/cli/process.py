"""What a command changes in its process, for speed and quiet; the library changes nothing in any process."""

from __future__ import annotations

import atexit
import gc

from cca_jax.cli.quiet_tensorflow import quietly
from cca_jax.entropy_coding.tensorflow.start import start_within

_OBJECTS_BETWEEN_COLLECTIONS = 200_000
"""Tracing a model makes a million objects that stay: looking for garbage among them takes a fifth of its time."""


def prepare_process() -> None:
    """To be called once by the `main` of a command, before it works."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    atexit.register(gc.freeze)  # Python ends by looking for garbage three times, a third of a second with JAX
    start_within(quietly)
