"""`python -m tests.fuzz.coverage`: the container's reader, guided by its coverage (Atheris, libFuzzer).

Half of the inputs are libFuzzer's own; half are valid files with other fields and right checksums, which no chance
would find. Options are libFuzzer's: -runs=N, -max_total_time=S, -seed=S. Atheris has wheels for Linux and Python 3.11
to 3.13: pip install '.[fuzz]'.
"""

import json
import sys
import tempfile
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["cca_jax.bitstream", "cca_jax.entropy_coding.escapes", "cca_jax.tiling"]):
    from cca_jax.bitstream import container
    from cca_jax.bitstream.boxes import alpha, kinds, metadata, picture

import numpy as np

from cca_jax.entropy_coding.errors import CodingError
from cca_jax.entropy_coding.tables import gaussian_tables
from tests.fuzz.mutators import Seed, mutate

_FILES = Path(__file__).parents[1] / "conformance"
_SMALL = 1 << 16
"""Pixels up to which boxes of alpha are decoded."""


def read(data: bytes) -> None:
    """All that a reader does before a model takes part; raises what must not be."""
    try:
        header = container.read_header(data)
        assert header.width * header.height <= 1 << 32
        assert len(header.entries) * 7 <= len(data)
        for count in range(1, header.num_streams + 1):
            file = container.read(data, count)
            assert sum(len(stream.data) for stream in file.streams) < len(data)
        for box in file.boxes:
            _unpack(box.kind, box.content, header.height, header.width)
    except CodingError as error:
        if not str(error) or "\n" in str(error):
            raise AssertionError("an error is not of one line") from error


def _unpack(kind: int, content: bytes, height: int, width: int) -> None:
    if kind == kinds.PICTURE:
        picture.unpack_samples(content)
    elif kind == kinds.ALPHA and height * width <= _SMALL:
        alpha.unpack_alpha(content, height, width, np.uint16)
    elif kind in (kinds.ICC, kinds.EXIF, kinds.XMP):
        metadata.unpack_bytes(content, kind)


def main() -> None:
    """Fuzzes until libFuzzer is done; a finding ends it with a traceback and a file `crash-…`."""
    tables = gaussian_tables(np.full(4, 2.0))
    names = sorted(json.loads((_FILES / "manifest.json").read_text())["files"])
    seeds = [Seed(name, (_FILES / "files" / name).read_bytes(), tables) for name in names]

    def change(data: bytes, max_size: int, seed: int) -> bytes:
        if seed % 2:
            return atheris.Mutate(data, max_size)
        return mutate(Random(seed), seeds).data[:max_size]

    with tempfile.TemporaryDirectory() as corpus:
        for seed in seeds:
            (Path(corpus) / seed.name).write_bytes(seed.data)
        atheris.Setup([sys.argv[0], *sys.argv[1:], corpus], read, custom_mutator=change)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
