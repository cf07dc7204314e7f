"""One `cca-jax compress` or `decompress`, stage by stage, in a process of its own: seconds by stage as JSON.

The same calls as the command makes, with a stopwatch: every part is waited for, and nothing overlaps.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

START, MODEL, FILES, PROGRAMS = "start and imports", "model", "image and file", "programs"
"""Stages besides those of `cca_jax.codec.tiles.stopwatch`; programs are traced and compiled, or read."""


def main(direction: str, model: str, source: str, target: str, started: str) -> None:
    """Does what the command does.

    Args:
        direction: "compress" or "decompress".
        model: an installed model or a folder.
        source: the file to read.
        target: the file to write.
        started: when the process was started, by the system's clock, seconds.
    """
    from cca_jax.cli.library import codecs
    from cca_jax.cli.process import prepare_process
    from cca_jax.codec.codec import Codec
    from cca_jax.codec.tiles.stopwatch import Stopwatch
    from cca_jax.image_io.images import read_image, write_image

    prepare_process()
    clock, inside = Stopwatch(), Stopwatch()
    clock.seconds[START] = time.time() - float(started)
    with clock.part(MODEL):
        codec = codecs.load_codec(model)
    assert isinstance(codec, Codec)
    if direction == "compress":
        with clock.part(FILES):
            image = read_image(Path(source)).pixels
        with clock.part(PROGRAMS):
            data = codec.compress(image, clock=inside)
        with clock.part(FILES):
            Path(target).write_bytes(data)
    else:
        with clock.part(FILES):
            data = Path(source).read_bytes()
        with clock.part(PROGRAMS):
            image = codec.decompress(data, clock=inside)
        with clock.part(FILES):
            write_image(Path(target), image)
    clock.seconds[PROGRAMS] -= sum(inside.seconds.values())  # what of the call was no part of coding
    sys.stdout.write(json.dumps({**clock.seconds, **inside.seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
