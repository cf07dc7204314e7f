"""Adds conformance files that are missing: `python -m tests.conformance.generate`, from the root of a checkout.

What is there stays as it is, byte for byte: files are pinned by `manifest.json` for ever after
(docs/file/conformance.md). A new version, coder, kind of model or box is a new line of `CASES`. Only the file of the
package's own model is made anew, when that has other weights.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from cca_jax.bitstream import container
from cca_jax.bitstream.boxes import alpha, kinds, metadata, picture
from cca_jax.bitstream.boxes.section import Box
from cca_jax.bundles.bundle import Bundle, save_bundle
from cca_jax.bundles.registry import DEFAULT_MODEL
from cca_jax.codec.codec import Codec, load_model
from cca_jax.entropy_coding.coders import get_coder
from cca_jax.image_io.images import read_image, write_image
from eval.demo.demo import PHOTO
from tests.conformance.boxes import box_digests
from tests.conftest import MICRO, MICRO_CONTEXT, lively_params

HERE = Path(__file__).parent
MANIFEST = HERE / "manifest.json"
CODERS = ("tensorflow", "constriction")
MODELS = {"float": MICRO, "context": MICRO_CONTEXT}
"""Those that this file makes; `exact` was made by an earlier version of the library."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A file: `picture` is its image, which files that differ in coder or version share."""

    model: str
    version: int
    coder: str
    picture: str
    quality: float | None = None
    tile: int | None = None
    boxes: bool = False

    @property
    def name(self) -> str:
        """Of the file."""
        return f"{self.model}_v{self.version}_{self.picture.removeprefix(self.model + '_')}_{self.coder}.cca"


def cases() -> list[Case]:
    """All that `generate` makes."""
    made = []
    for coder in CODERS:
        made += [Case("float", version, coder, "float_whole") for version in (1, 2)]
        made.append(Case("float", 3, coder, "float_tiles", tile=64))
        for model in ("exact", "context"):
            made += [Case(model, 2, coder, f"{model}_q{quality:g}", quality) for quality in (1.0, 37.5, 100.0)]
            made.append(Case(model, 3, coder, f"{model}_q62.5_tiles", 62.5, tile=64))
        made.append(Case("context", 1, coder, "context_q37.5", 37.5))
    made.append(Case("context", 4, "constriction", "context_q37.5", 37.5, boxes=True))
    made.append(Case("exact", 4, "tensorflow", "exact_q62.5_tiles", 62.5, tile=64, boxes=True))
    return made


def every_box(deep: bool) -> tuple[Box, ...]:
    """One of each kind, one that is not known, and the largest contents deflated; 16 bits or 8."""
    opacity = np.linspace(0, 65535, 30 * 40).reshape(30, 40).astype(np.uint16)
    plane = np.pad(opacity if deep else (opacity >> 8).astype(np.uint8), 10, constant_values=65535 if deep else 255)
    plane = np.pad(plane, ((0, 20), (0, 40)), constant_values=plane[0, 0])
    exif = bytes.fromhex("49492a000800000001001201030001000000010000000000 0000")
    return (
        Box(kinds.PICTURE, picture.pack_samples(picture.Samples(12 if deep else 8, gray=not deep))),
        Box(kinds.ALPHA, alpha.pack_alpha(plane)),
        Box(kinds.ICC, metadata.SRGB_PROFILE if deep else metadata.pack_bytes(bytes(range(256)) * 3, kinds.ICC)),
        Box(kinds.EXIF, metadata.pack_bytes(exif, kinds.EXIF)),
        Box(kinds.XMP, metadata.pack_bytes(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>" + 200 * b" ", kinds.XMP)),
        Box(100, b"of a later version"),
    )


def image() -> np.ndarray:
    """100×70 pixels of the demo's photo: two units of 64 each way."""
    return read_image(PHOTO).pixels[210:280, 310:410]


def describe(codec: Codec, data: bytes) -> dict[str, object]:
    """What a file decodes to: the hash of all its symbols in the order of its streams, and how many escaped."""
    header, symbols = container.read_header(data), {}
    pixels = codec.decompress(data, observe=lambda tile, stream, found: symbols.update({(stream, tile): found}))
    digest = hashlib.sha256()
    for key in sorted(symbols):
        digest.update(symbols[key].astype("<i4").tobytes())
    return {
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "version": header.version,
        "width": header.width,
        "height": header.height,
        "quality": header.quality,
        "tiles": [header.grid.rows, header.grid.columns],
        "boxes": box_digests([entry.box for entry in header.boxes], header.height, header.width),
        "symbols": sum(len(found) for found in symbols.values()),
        "symbols_sha256": digest.hexdigest(),
        "pixels": pixels,
    }


def pixels_sha256(pixels: np.ndarray) -> str:
    """Of the bytes in row, column, colour order."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def generate() -> None:
    """Writes the models, files and pictures that are missing, and their lines of the manifest."""
    manifest = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {"models": {}, "pictures": {}, "files": {}}
    for name, config in MODELS.items():
        if not (HERE / "models" / name).exists():
            save_bundle(
                Bundle.build(name, "For tests", config, lively_params(config), "float16"), HERE / "models" / name, ""
            )
    for folder in sorted((HERE / "models").iterdir()):
        codec = load_model(folder)
        exact = codec.config.exact_scales
        manifest["models"][folder.name] = {"identity": codec.identity.hex(), "symbols": "exact" if exact else "float"}
    for case in cases():
        path = HERE / "files" / case.name
        if not path.exists():
            codec = Codec(load_model(HERE / "models" / case.model).bundle, get_coder(case.coder))
            version = case.version if case.version < 3 else None
            file = codec.encode(image(), case.quality, tile=case.tile, version=version).container
            if case.boxes:
                file = dataclasses.replace(file, version=4, boxes=every_box(deep=case.model == "exact"))
            path.write_bytes(container.write(file))
            add(manifest, path.name, case.model, case.coder, case.picture)
    renew_shipped(manifest)
    MANIFEST.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def renew_shipped(manifest: dict) -> None:
    """The file of the package's own model, where that is another than the file was made by."""
    codec = load_model(DEFAULT_MODEL).with_coder("constriction")
    model = {"identity": codec.identity.hex(), "symbols": "exact"}
    if manifest["models"].get(DEFAULT_MODEL) != model:
        name = f"{DEFAULT_MODEL}_v2_constriction.cca"
        manifest["models"][DEFAULT_MODEL] = model
        (HERE / "files" / name).write_bytes(codec.compress(read_image(PHOTO).pixels[192:320, 320:448], 50.0))
        (HERE / "pictures" / f"{DEFAULT_MODEL}.png").unlink(missing_ok=True)
        add(manifest, name, DEFAULT_MODEL, "constriction", DEFAULT_MODEL)


def add(manifest: dict, name: str, model: str, coder: str, picture: str) -> None:
    """A file's line, and its picture's where that is new."""
    folder = HERE / "models" / model
    codec = load_model(folder if folder.exists() else model)
    found = describe(codec, (HERE / "files" / name).read_bytes())
    pixels = found.pop("pixels")
    drawn = HERE / "pictures" / f"{picture}.png"
    if not drawn.exists():
        write_image(drawn, pixels)
    expected = read_image(drawn).pixels
    assert np.abs(pixels.astype(int) - expected).max() <= 1, name
    manifest["pictures"][picture] = pixels_sha256(expected)
    manifest["files"][name] = {"model": model, "coder": coder, "picture": picture, **found}


if __name__ == "__main__":
    generate()
