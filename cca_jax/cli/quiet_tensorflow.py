"""Starts TensorFlow without a word on standard error and without touching a GPU.

TensorFlow is here for one small thing, the range coder of `tensorflow-compression-ops`; none of its reports concern a
person who compresses a photo. They come by two ways: the C++ log whose level is an environment variable read at first
use, and, on machines with CUDA, C++ messages printed before that log exists.
"""

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator

from cca_jax.entropy_coding.tensorflow.library import Library

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# "2026-01-31 12:00:00.0: E file.cc:1] …", "I0000 00:00:1.0 1 file.cc:1] …", "WARNING: All log messages before absl::…"
_NOISE = re.compile(rb"\d{4}-\d\d-\d\d [\d:.]+: [IWEF] |[IWEF]\d{4} [\d:.]+ |WARNING: All log messages before absl::")
_lock = threading.Lock()
_started: Library | None = None
_background: threading.Thread | None = None


def start() -> Library:
    """TensorFlow's library with the operations of `tensorflow_compression_ops`, ready for use; slow the first time.

    Raises:
        Exception: whatever loading raises: TensorFlow and its operations must be versions that fit each other.
    """
    global _started
    with _lock:
        if _started is None:
            with _log_level("3"), _hold_back_noise():
                _started = Library("tensorflow_compression_ops", "cc/libtensorflow_compression.so")
        return _started


def start_in_background() -> None:
    """Begins `start` in a thread, once; a later `start` waits for it, or fails as it did."""
    global _background
    if _background is None and _started is None:
        _background = threading.Thread(target=_start_silently, name="start-tensorflow")
        _background.start()


def _start_silently() -> None:
    with contextlib.suppress(Exception):
        start()


@contextlib.contextmanager
def _log_level(level: str) -> Iterator[None]:
    """Sets the C++ log level, and puts it back: JAX reads the same variable."""
    before = os.environ.get(_LOG_LEVEL)
    os.environ[_LOG_LEVEL] = level
    try:
        yield
    finally:
        if before is None:
            del os.environ[_LOG_LEVEL]
        else:
            os.environ[_LOG_LEVEL] = before


@contextlib.contextmanager
def _hold_back_noise() -> Iterator[None]:
    """Collects what the process writes to file descriptor 2, and afterwards writes on all but TensorFlow's log lines.

    The descriptor belongs to the whole process: other threads' lines arrive late, but they do arrive.
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        original = os.dup(2)
    except OSError:  # a service without standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
            held.seek(0)
            kept = b"".join(line for line in held if not _NOISE.match(line))
            if kept:
                with contextlib.suppress(OSError):
                    os.write(2, kept)
