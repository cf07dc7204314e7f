"""A context in which TensorFlow starts without a word on standard error.

TensorFlow is here for one small thing, the range coder of `tensorflow-compression-ops`; none of its reports concern a
person who compresses a photo. They come by two ways: the C++ log whose level is an environment variable read at first
use, and, on machines with CUDA, C++ messages printed before that log exists. Both are the whole process's, so this is
for command lines alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

from cca_jax.cli.environment import environment_variable

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# "2026-01-31 12:00:00.0: E file.cc:1] …", "I0000 00:00:1.0 1 file.cc:1] …", "WARNING: All log messages before absl::…"
_NOISE = re.compile(rb"\d{4}-\d\d-\d\d [\d:.]+: [IWEF] |[IWEF]\d{4} [\d:.]+ |WARNING: All log messages before absl::")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Where TensorFlow is to start."""
    with environment_variable(_LOG_LEVEL, "3"), hold_back(_NOISE):  # put back, since JAX reads the same variable
        yield


@contextlib.contextmanager
def hold_back(noise: re.Pattern[bytes]) -> Iterator[None]:
    """Collects what the process writes to file descriptor 2, and afterwards writes on all lines but those of noise.

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
            kept = b"".join(line for line in held if not noise.match(line))
            if kept:
                with contextlib.suppress(OSError):
                    os.write(2, kept)
