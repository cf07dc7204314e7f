"""`python -m eval.demo [IMAGE]`: a photo becomes a real file and comes back, beside a JPEG of the same size.

Writes into --out: the .cca file, what it decodes to, the JPEG, and side_by_side.png.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cca_jax.cli.console import print_line, print_problem, print_table
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXPECTED, describe
from cca_jax.cli.figures import Figures, measure
from cca_jax.cli.library.codecs import load_codec
from cca_jax.cli.parser import OneLineParser
from cca_jax.cli.process import prepare_process
from cca_jax.image_io.files import write_atomically
from cca_jax.image_io.images import read_image, write_image
from eval.codecs.at_size import encode_at_most
from eval.codecs.interface import CodecError
from eval.codecs.pillow_formats import jpeg
from eval.demo.detail import check_picture, draw_detail, write_picture
from eval.demo.side_by_side import Panel, draw

PHOTO = Path(__file__).with_name("kodim23.png")
"""The photo that comes with the project."""


def main(argv: Sequence[str] | None = None) -> int:
    """Parses and runs; returns the exit status, 2 on bad input."""
    parser = OneLineParser(prog="python -m eval.demo", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "image", nargs="?", type=Path, default=PHOTO, metavar="IMAGE", help="default: the bundled photo"
    )
    parser.add_argument("--model", metavar="NAME|DIR", help="default: the package's default model")
    parser.add_argument("--quality", type=float, metavar="Q", help="for models of several rates")
    parser.add_argument(
        "--out", type=Path, default=Path("demo_out"), help="folder for the results (default: %(default)s)"
    )
    parser.add_argument(
        "--picture", type=Path, metavar="FILE.webp|.png", help="also write a small picture of a detail for a page"
    )
    args = parser.parse_args(argv)
    prepare_process()
    try:
        demonstrate(args.image, args.model, args.quality, args.out, args.picture)
    except (*EXPECTED, CodecError) as error:
        print_problem(describe(error))
        return EXIT_BAD_INPUT
    return 0


def demonstrate(photo: Path, model: str | None, quality: float | None, out: Path, detail: Path | None = None) -> None:
    """Compresses and restores one photo, compares it with JPEG, prints a table and writes the files.

    Args:
        photo: an image file.
        model: a model's name or folder; None for the default.
        quality: for models of several rates; None for the model's own choice.
        out: folder for the results, made if needed.
        detail: file for the small picture (`detail.draw_detail`); None for none.

    Raises:
        ValueError, OSError: bad input; see `image_io.images.read_image` and `cca_jax.load_model`. Also where a result
            would replace the photo.
    """
    file, restored_file, rival_file = (out / f"{photo.stem}{end}" for end in (".cca", "_restored.png", ".jpg"))
    comparison = out / "side_by_side.png"
    if detail is not None:
        check_picture(detail)
    for target in (file, restored_file, rival_file, comparison, *([] if detail is None else [detail])):
        if os.path.realpath(target) == os.path.realpath(photo):
            raise ValueError(f"{photo}: would be replaced by a result of that name: name another folder with --out")
    image = read_image(photo)
    for note in image.notes:
        print_problem(f"{photo}: warning: {note}")
    codec = load_codec(model)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(file, codec.compress(image.pixels, quality))
    # From the file, not from memory: this is what a receiver would see.
    data = file.read_bytes()
    restored = codec.decompress(data)
    rival = jpeg()
    quality, encoded = encode_at_most(rival, image.pixels, len(data))
    jpeg_pixels = rival.decode(encoded.data).pixels
    write_image(restored_file, restored)
    write_atomically(rival_file, encoded.data)
    ours = measure(image.pixels, restored, len(data))
    theirs = measure(image.pixels, jpeg_pixels, len(encoded.data))
    label = f"{rival.name}, quality {quality:g}"
    panels = [
        Panel("Original", "24 bits per pixel, uncompressed", image.pixels),
        Panel("CCA", _caption(len(data), ours), restored),
        Panel(label, _caption(len(encoded.data), theirs), jpeg_pixels),
    ]
    write_image(comparison, np.asarray(draw(panels)))
    if detail is not None:
        write_picture(detail, draw_detail(panels))
    height, width = image.pixels.shape[:2]
    print_line(f"{photo.name}, {width}×{height} pixels, model {codec.name}\n")
    _print_comparison({"CCA": (len(data), ours), label: (len(encoded.data), theirs)})
    if len(encoded.data) > len(data):
        print_line("JPEG cannot be as small as our file on this image: its lowest quality is shown")
    print_line(f"\n{file} is the compressed file; {comparison} shows both beside the original")


def _print_comparison(sizes_and_figures: Mapping[str, tuple[int, Figures]]) -> None:
    rows = [("", "bytes", "bits per pixel", "PSNR", "MS-SSIM")]
    for name, (num_bytes, figures) in sizes_and_figures.items():
        similarity = "n/a" if figures.ms_ssim is None else f"{figures.ms_ssim:.4f}"
        rows.append((name, f"{num_bytes:,}", f"{figures.bits_per_pixel:.4f}", f"{figures.psnr:.2f} dB", similarity))
    print_table(rows, numeric=(1, 2, 3, 4))


def _caption(num_bytes: int, figures: Figures) -> str:
    return f"{num_bytes:,} bytes   {figures.bits_per_pixel:.3f} bits per pixel   {figures.psnr:.2f} dB"
