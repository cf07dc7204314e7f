"""`python -m eval.against_jpeg DIR`: real files of a model beside JPEG at exactly their size, image by image.

JPEG has 100 sizes only: its PSNR at a size between two of them is interpolated, linearly in PSNR over log(bytes).
Exit status 1 where JPEG is ahead on an image.
"""

from __future__ import annotations

import math
import statistics
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from cca_jax.bundles.registry import DEFAULT_MODEL
from cca_jax.cli.figures import measure
from cca_jax.cli.parser import OneLineParser
from cca_jax.cli.process import prepare_process
from cca_jax.codec.codec import load_model
from cca_jax.image_io.images import find_images, read_image
from cca_jax.objective.metrics import fidelity
from eval.codecs.at_size import encode_at_most
from eval.codecs.interface import CodecError
from eval.codecs.pillow_formats import jpeg


def jpeg_psnr_at(image: np.ndarray, num_bytes: int) -> float:
    """PSNR that JPEG reaches at a size, dB.

    Args:
        image: uint8 [H, W, 3].
        num_bytes: the size. Under JPEG's smallest file, that file's PSNR is given: JPEG is flattered there.
    """
    codec = jpeg()
    quality, below = encode_at_most(codec, image, num_bytes)
    low = fidelity(image, codec.decode(below.data).pixels).psnr
    if len(below.data) >= num_bytes or quality == codec.all_settings[-1]:
        return low
    above = codec.encode(image, quality + 1)
    high = fidelity(image, codec.decode(above.data).pixels).psnr
    span = math.log(len(above.data) / len(below.data))
    return low + (high - low) * (math.log(num_bytes / len(below.data)) / span if span > 0 else 0.0)


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; 0 where ours is ahead on every image, 1 where not, 2 on bad input."""
    parser = OneLineParser(prog="python -m eval.against_jpeg", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DIR")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME|DIR")
    parser.add_argument("--quality", type=float, metavar="Q", help="for models of several rates (default: 50)")
    options = parser.parse_args(arguments)
    prepare_process()
    table = Table("image", "bytes", "bpp", "PSNR", "JPEG", "ahead by", "MS-SSIM")
    figures, leads = [], []
    try:
        codec = load_model(options.model)
        for path in find_images([options.data]):
            image = read_image(path).pixels
            data = codec.compress(image, options.quality)
            ours = measure(image, codec.decompress(data), len(data))
            theirs = jpeg_psnr_at(image, len(data))
            figures.append(ours)
            leads.append(ours.psnr - theirs)
            similarity = "n/a" if ours.ms_ssim is None else f"{ours.ms_ssim:.4f}"
            numbers = (
                f"{ours.bits_per_pixel:.4f}",
                f"{ours.psnr:.2f}",
                f"{theirs:.2f}",
                f"{leads[-1]:+.2f}",
                similarity,
            )
            table.add_row(path.name, f"{len(data):,}", *numbers)
    except (ValueError, OSError, CodecError) as error:
        sys.stderr.write(f"against_jpeg: {error}\n")
        return 2
    Console(width=None if sys.stdout.isatty() else 90).print(table)
    mean = [statistics.fmean(values) for values in zip(*((f.bits_per_pixel, f.psnr) for f in figures), strict=True)]
    sys.stdout.write(
        f"model {codec.name}: mean {mean[0]:.4f} bpp, {mean[1]:.2f} dB; ahead of JPEG on "
        f"{sum(lead > 0 for lead in leads)} of {len(leads)}, by {min(leads):+.2f} to {max(leads):+.2f} dB\n"
    )
    return 0 if min(leads) > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
