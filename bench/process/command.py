"""A whole command in a process of its own: how long it takes, and the most memory it ever holds.

    python bench/process/command.py COMMAND …

runs one and answers on standard output, as JSON. The system counts into a process's peak what its parent
holds; so this small process starts the command.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


@dataclasses.dataclass(frozen=True)
class Usage:
    """What one run took.

    Attributes:
        seconds: from start to finish.
        cpu_seconds: of all cores together.
        peak_bytes: the most resident memory.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run_command(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Usage:
    """Runs a command, whose standard output is dropped.

    Raises:
        ValueError: it fails.
    """
    whole = [sys.executable, __file__, *command]
    done = subprocess.run(whole, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ValueError(f"a process failed with status {done.returncode}, see above: {' '.join(command)}")
    return Usage(**json.loads(done.stdout))


def main(command: Sequence[str]) -> int:
    """Runs the command; returns its exit status."""
    started = time.perf_counter()
    status = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    usage = Usage(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * _UNIT)
    os.write(1, json.dumps(dataclasses.asdict(usage)).encode())
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
