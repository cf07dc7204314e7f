"""`python -m eval.portability.probe FOLDER --out FOLDER`: decodes files in one way and keeps what came out.

It is run by `eval.portability.portability`, often by another interpreter, and needs nothing but the codec.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from cca_jax.cli.console import print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXPECTED, describe
from cca_jax.cli.parser import OneLineParser
from cca_jax.cli.process import prepare_process

PRECISIONS = ("float32", "bfloat16")


def decode_all(folder: Path, out: Path, model: str, precision: str, jit: bool) -> None:
    """Decodes every `.cca` file of a folder.

    Args:
        folder: the files.
        out: receives, under each file's name, an .npz with `pixels` and the SHA-256 of all its symbols, `symbols`.
            Where they are not the encoder's, they are those of the streams that were read, and the picture is black.
        model: a bundle's folder or an installed model's name.
        precision: what the networks compute in.
        jit: False runs every operation on its own.
    """
    import jax  # after the process was given its cores
    import numpy as np

    from cca_jax.bitstream.container import read_header
    from cca_jax.bundles.bundle import load_bundle
    from cca_jax.bundles.registry import locate
    from cca_jax.codec.codec import Codec
    from cca_jax.entropy_coding.coders import default_coder
    from cca_jax.entropy_coding.errors import CorruptError, MismatchError
    from cca_jax.image_io.files import find_files

    codec = Codec(load_bundle(locate(model)), default_coder(), np.dtype(jax.numpy.dtype(precision)))
    for path in find_files([folder], (".cca",)):
        symbols: dict[tuple[int, int], bytes] = {}

        def keep(tile: int, stream: int, decoded: np.ndarray, symbols: dict = symbols) -> None:
            symbols[tile, stream] = decoded.astype("<i4").tobytes()

        data = path.read_bytes()
        try:
            with jax.disable_jit(not jit):
                pixels = codec.decompress(data, observe=keep)
        except (CorruptError, MismatchError):
            header = read_header(data)
            pixels = np.zeros((header.height, header.width, 3), np.uint8)
        digest = hashlib.sha256(b"".join(symbols[place] for place in sorted(symbols))).hexdigest()
        np.savez(out / f"{path.stem}.npz", pixels=pixels, symbols=digest)


def main(arguments: list[str] | None = None) -> int:
    """Decodes; 0, or 2 with one line on standard error."""
    parser = OneLineParser(prog="python -m eval.portability.probe", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", required=True, metavar="NAME|DIR")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--no-jit", action="store_true")
    parser.add_argument("--cores", type=int, help="use so many of the machine's (Linux)")
    options = parser.parse_args(arguments)
    prepare_process()
    if options.cores is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    try:
        decode_all(options.folder, options.out, options.model, options.precision, not options.no_jit)
    except EXPECTED as error:
        print_problem(describe(error))
        return EXIT_BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
