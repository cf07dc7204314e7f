"""What counts as bad input, and the one line that says so."""

from __future__ import annotations

from pathlib import Path

EXPECTED = (ValueError, OSError, ImportError, MemoryError)
"""Errors that bad input, a full disk, a missing extra or too small a machine may cause; any other is a bug of ours."""

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def describe(error: BaseException, path: str | Path | None = None) -> str:
    """One line for the user.

    Args:
        error: what happened.
        path: the file it happened to; named in front unless the message already begins with it.
    """
    if isinstance(error, MemoryError):
        text = "there is not enough memory: use a smaller image or a machine with more"
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    else:
        text = str(error)
    text = " ".join(text.split()) or type(error).__name__
    if path is None or text.startswith(str(path)):
        return text
    return f"{path}: {text}"
