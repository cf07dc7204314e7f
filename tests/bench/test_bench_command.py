"""A command is measured by itself: its time, its memory, its failure."""

import sys

import pytest

from bench.process.command import run_command

MIB = 2**20


def test_the_peak_is_the_commands_own():
    held = bytearray(300 * MIB)  # what this process holds is not the command's
    held[::4096] = b"x" * len(held[::4096])
    small = run_command([sys.executable, "-c", "print('dropped')"])
    large = run_command([sys.executable, "-c", f"held = b'x' * {200 * MIB}"])
    assert small.peak_bytes < 100 * MIB < 200 * MIB < large.peak_bytes < 300 * MIB
    assert small.seconds > 0


def test_a_command_that_fails_is_an_error():
    with pytest.raises(ValueError, match="status 3"):
        run_command([sys.executable, "-c", "raise SystemExit(3)"])
