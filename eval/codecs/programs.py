"""Encoders that are other programs: finds, identifies and runs them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from eval.codecs.conventional import UnavailableError
from eval.codecs.interface import CodecError


def find_program(*names: str) -> Path:
    """The first of several names that is on the PATH.

    Raises:
        UnavailableError: none is.
    """
    for name in names:
        if location := shutil.which(name):
            return Path(location)
    raise UnavailableError(f"needs the program {' or '.join(names)} on the PATH")


def identity(*files: Path) -> str:
    """What tells one build of a program from another: the start of the SHA-256 of its files, in order."""
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()[:12]


def run_program(command: Sequence[str | Path]) -> None:
    """Runs a program to its end, silently; errors are those of `output_of`."""
    output_of(command)


def output_of(command: Sequence[str | Path]) -> str:
    """Runs a program to its end, and gives what it wrote to standard output.

    Raises:
        CodecError: it could not be started or failed; the message gives the last line it wrote.
    """
    program = Path(command[0]).name
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    except OSError as error:
        raise CodecError(f"{program}: {error.strerror}") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise CodecError(f"{program}: exit status {done.returncode}: {said}")
    return done.stdout
