"""A program over the images of a folder, one after the other, as people call it in a loop.

    python bench/bulk/each.py FOLDER OUT SUFFIX PROGRAM [ARGUMENT …]

runs `PROGRAM … IMAGE OUT/NAME.SUFFIX` for each image.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def main(folder: str, out: str, suffix: str, *program: str) -> int:
    """Runs it; returns the exit status of the first that fails, or 0."""
    for image in sorted(path for path in Path(folder).iterdir() if path.is_file() and not path.name.startswith(".")):
        command: Sequence[str] = [*program, str(image), str(Path(out, image.stem + suffix))]
        if status := subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            sys.stderr.write(f"{' '.join(command)}: status {status}\n")
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
