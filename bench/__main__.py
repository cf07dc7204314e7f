"""`python -m bench`: compress and decompress, their coder's share, compile times; a table, and JSON with --json."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.timing import Timing, measure
from cca_jax.codec import Codec, load_model
from cca_jax.coding import container
from cca_jax.coding.coders import get_coder
from cca_jax.registry import DEFAULT_MODEL

SIZES = ((256, 256), (512, 768))


def smooth_image(height: int, width: int) -> np.ndarray:
    """A picture of gradients and waves, uint8 [height, width, 3]: the same everywhere, without a file."""
    rows, columns = np.mgrid[:height, :width]
    waves = [128 + 100 * np.sin(rows / (9 + 7 * c) + columns / (23 - 5 * c)) for c in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def bench_codec(codec: Codec, height: int, width: int, repetitions: int) -> dict[str, Timing]:
    """Timings of one size by what was timed."""
    image = smooth_image(height, width)
    timings = {"compress": measure(lambda: codec.compress(image), repetitions)}
    data = codec.compress(image)
    timings["decompress"] = measure(lambda: codec.decompress(data), repetitions)
    encoding = codec.encode(image)
    timings["synthesis"] = measure(lambda: codec.reconstruct(encoding.y_hat), repetitions)
    streams, coder = encoding.container.streams, get_coder(encoding.container.coder)
    tables = [codec.bundle.hyper] + [codec.bundle.gaussian] * codec.config.num_slices

    def decode_streams() -> None:
        for stream, indexes, table in zip(streams, encoding.indexes, tables, strict=True):
            container.symbol_check(coder.decode(stream.data, indexes.ravel(), table))

    timings["coder (decoding)"] = measure(decode_streams, repetitions)
    return timings


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME|DIR")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    options = parser.parse_args(arguments)
    try:
        codec = load_model(options.model)
    except ValueError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    table = Table("size", "what", "first call", "median", "fastest", "slowest", title=f"model {codec.name}, seconds")
    results = {}
    for height, width in SIZES:
        results[f"{width}x{height}"] = timings = bench_codec(codec, height, width, options.repetitions)
        for name, t in timings.items():
            figures = [f"{seconds:.3f}" for seconds in (t.first, t.median, t.low, t.high)]
            table.add_row(f"{width}×{height}", name, *figures)
    Console().print(table)
    if options.json:
        facts = {size: {k: dataclasses.asdict(t) for k, t in timings.items()} for size, timings in results.items()}
        options.json.write_text(json.dumps({"model": codec.name, "seconds": facts}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
