"""Starts TensorFlow's library once, in the background where that is wanted.

The process is taken as it is: what TensorFlow writes to standard error is for the program to keep or to hold back, by
`start_within`.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable

from cca_jax.entropy_coding.tensorflow.library import Library

_log = logging.getLogger("cca_jax.entropy_coding")
_lock = threading.Lock()
_beginning = threading.Lock()
_started: Library | None = None
_background: threading.Thread | None = None
_surroundings: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext


def start_within(surroundings: Callable[[], contextlib.AbstractContextManager[object]]) -> None:
    """Makes every start from now on happen in a context, in whatever thread it is: for programs, not for libraries."""
    global _surroundings
    _surroundings = surroundings


def start() -> Library:
    """TensorFlow's library with the operations of `tensorflow_compression_ops`, ready for use; slow the first time.

    Raises:
        Exception: whatever loading raises: TensorFlow and its operations must be versions that fit each other.
    """
    global _started
    with _lock:
        if _started is None:
            with _surroundings():
                _started = Library("tensorflow_compression_ops", "cc/libtensorflow_compression.so")
        return _started


def start_in_background() -> None:
    """Begins `start` in a thread, once; a later `start` waits for it, or fails as it did."""
    global _background
    with _beginning:
        if _background is None and _started is None:
            _background = threading.Thread(target=_try_to_start, name="start-tensorflow")
            _background.start()


def _try_to_start() -> None:
    try:
        start()
    except Exception as error:  # told by the `start` that needs it
        _log.debug("TensorFlow does not start: %r", error)
