"""`python -m examples.exported_decoder FOLDER FILE.cca OUT.png`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from examples.exported_decoder.container import read
from examples.exported_decoder.decoder import decode
from examples.exported_decoder.programs import Programs


def main(arguments: Sequence[str] | None = None) -> int:
    """Decodes a file; returns the exit status: 0, or 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m examples.exported_decoder", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="that `cca-jax export` made")
    parser.add_argument("file", type=Path, metavar="FILE.cca")
    parser.add_argument("out", type=Path, metavar="OUT.png")
    args = parser.parse_args(arguments)
    try:
        picture = decode(read(args.file.read_bytes()), Programs(args.folder))
        Image.fromarray(picture).save(args.out)
    except (ValueError, OSError, ImportError) as error:
        sys.stderr.write(f"{args.file}: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
