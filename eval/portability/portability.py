"""`python -m eval.portability IMAGE…`: one file, decoded in many ways, gives the same symbols everywhere.

Every image is compressed here. Its files are then decoded by processes that differ in the number of cores, with and
without compilation, with float32 and bfloat16 networks, and by the other interpreters that are named, which may have
other versions of everything. What they decode is compared with what this interpreter decodes as usual. Exit status 1
where a symbol differs anywhere, or a pixel of float32 networks by more than one level.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from cca_jax.bundles.bundle import load_bundle
from cca_jax.bundles.registry import DEFAULT_MODEL, locate
from cca_jax.cli.console import print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXPECTED, describe
from cca_jax.cli.parser import OneLineParser
from cca_jax.cli.process import prepare_process
from cca_jax.codec.codec import Codec
from cca_jax.compile_cache.cores import usable_cores
from cca_jax.entropy_coding.coders import get_coder
from cca_jax.image_io.images import find_images, read_image
from cca_jax.objective.metrics import fidelity

_QUALITIES = (10.0, 50.0, 90.0)
_LEVELS = 1
"""By how much a pixel may differ where networks are of float32."""


@dataclasses.dataclass(frozen=True)
class Variant:
    """A way of decoding: an interpreter and the options of `eval.portability.probe`."""

    name: str
    python: str
    options: tuple[str, ...]

    @property
    def narrow(self) -> bool:
        """Whether its networks are of bfloat16."""
        return "bfloat16" in self.options


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a variant decoded, beside the first one.

    Attributes:
        same: files whose symbols are the same.
        files: files.
        levels: the greatest difference of a pixel, levels.
        loss: by how much the mean PSNR against the original is lower, dB.
    """

    same: int
    files: int
    levels: int
    loss: float


def variants(pythons: list[str]) -> list[Variant]:
    """Those of this interpreter, the reference first, then those of the others."""
    here = [Variant("this interpreter", sys.executable, ())]
    if hasattr(os, "sched_setaffinity") and usable_cores() > 1:
        here.append(Variant("1 core", sys.executable, ("--cores", "1")))
    here += [
        Variant("not compiled", sys.executable, ("--no-jit",)),
        Variant("bfloat16", sys.executable, ("--precision", "bfloat16")),
    ]
    others = [
        Variant(f"interpreter {number}{what}", python, options)
        for number, python in enumerate(pythons, 2)
        for what, options in (("", ()), (", bfloat16", ("--precision", "bfloat16")))
    ]
    return here + others


def compare(
    decoded: dict[str, tuple[str, np.ndarray]],
    expected: dict[str, tuple[str, np.ndarray]],
    originals: dict[str, np.ndarray],
) -> Outcome:
    """Two ways' digests of symbols and pictures, by file.

    Args:
        decoded: of a variant.
        expected: of the first one.
        originals: what was compressed.
    """
    same = sum(decoded[name][0] == digest for name, (digest, _) in expected.items())
    levels = max(int(np.abs(decoded[name][1].astype(int) - pixels).max()) for name, (_, pixels) in expected.items())
    expected_psnr, decoded_psnr = (
        np.mean([fidelity(originals[name], pictures[name][1]).psnr for name in originals])
        for pictures in (expected, decoded)
    )
    return Outcome(same, len(expected), levels, float(expected_psnr - decoded_psnr))


def _decode(variant: Variant, model: Path, files: Path, out: Path) -> dict[str, tuple[str, np.ndarray]]:
    out.mkdir()
    command = [variant.python, "-m", "eval.portability.probe", files, "--out", out, "--model", model, *variant.options]
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        list(map(str, command)), env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ValueError(f"{variant.name} could not decode: {last}")
    decoded = {}
    for path in out.glob("*.npz"):
        with np.load(path) as arrays:
            decoded[path.stem] = str(arrays["symbols"]), arrays["pixels"]
    return decoded


def _compress(codec: Codec, images: list[Path], folder: Path) -> dict[str, np.ndarray]:
    """Writes every image's files; what was compressed, by the files' names."""
    originals = {}
    for number, path in enumerate(images):
        pixels = read_image(path).pixels
        for quality in _QUALITIES if codec.quality_range else (None,):
            name = f"{number}_{path.stem}" + ("" if quality is None else f"_{quality:g}")
            (folder / f"{name}.cca").write_bytes(codec.compress(pixels, quality))
            originals[name] = pixels
    return originals


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; 0 where everything agrees, 1 where not, 2 on bad input."""
    parser = OneLineParser(prog="python -m eval.portability", description=__doc__)
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE|DIR")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME|DIR")
    parser.add_argument("--coder", default="constriction", help="one that all interpreters have")
    parser.add_argument("--python", action="append", default=[], metavar="PATH", help="another interpreter; repeatable")
    options = parser.parse_args(arguments)
    prepare_process()
    table = Table("decoded by", "same symbols", "pixels differ by", "dB lost")
    agreed = True
    try:
        model = locate(options.model)
        with tempfile.TemporaryDirectory() as scratch:
            files = Path(scratch) / "files"
            files.mkdir()
            codec = Codec(load_bundle(model), get_coder(options.coder))
            originals = _compress(codec, find_images(options.images), files)
            ways = variants(options.python)
            expected = _decode(ways[0], model, files, Path(scratch) / "0")
            for number, variant in enumerate(ways[1:], 1):
                decoded = _decode(variant, model, files, Path(scratch) / str(number))
                outcome = compare(decoded, expected, originals)
                agreed &= outcome.same == outcome.files and (variant.narrow or outcome.levels <= _LEVELS)
                table.add_row(
                    variant.name, f"{outcome.same} of {outcome.files}", f"{outcome.levels}", f"{outcome.loss:+.4f}"
                )
    except EXPECTED as error:
        print_problem(describe(error))
        return EXIT_BAD_INPUT
    Console(width=None if sys.stdout.isatty() else 90).print(table)
    verdict = "all agree" if agreed else "THEY DIFFER"
    sys.stdout.write(f"model {codec.name}: {verdict} with this interpreter on {usable_cores()} cores\n")
    return 0 if agreed else 1
