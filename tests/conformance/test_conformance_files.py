"""Every file of `manifest.json` decodes to its symbols and its picture (docs/file/conformance.md).

A test that fails here means that files already written no longer decode: the code is wrong, not the manifest.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bitstream.boxes.kinds import is_known
from cca_jax.bitstream.header import BOXED
from cca_jax.codec.codec import load_model
from cca_jax.entropy_coding import coders
from cca_jax.image_io.images import read_image
from tests.conformance.boxes import box_digests

pytestmark = pytest.mark.usefixtures("quick_compilation")
HERE = Path(__file__).parent
MANIFEST = json.loads((HERE / "manifest.json").read_text())
FILES = MANIFEST["files"]


@pytest.fixture(scope="module")
def codec():
    """Loads a model once; its weights are those that the manifest names."""
    loaded = {}

    def load(name):
        if name not in loaded:
            folder = HERE / "models" / name
            loaded[name] = load_model(folder if folder.exists() else name)
            assert loaded[name].identity.hex() == MANIFEST["models"][name]["identity"]
        return loaded[name]

    return load


def picture(name):
    pixels = read_image(HERE / "pictures" / f"{name}.png").pixels
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == MANIFEST["pictures"][name]
    return pixels


def test_every_version_coder_and_kind_of_model_is_there():
    kinds = {
        (MANIFEST["models"][entry["model"]]["symbols"], entry["version"], entry["coder"]) for entry in FILES.values()
    }
    assert kinds >= {(s, v, c) for s in ("exact", "float") for v in (1, 2, 3) for c in ("tensorflow", "constriction")}
    assert {entry["version"] for entry in FILES.values()} == set(range(1, BOXED + 1))
    assert {kind for entry in FILES.values() for kind, *_ in entry["boxes"]} > {
        kind for kind in range(256) if is_known(kind)
    }
    assert {path.name for path in (HERE / "files").iterdir()} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_file_decodes_to_its_symbols_and_picture(codec, name):
    entry, data = FILES[name], (HERE / "files" / name).read_bytes()
    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    header = container.read_header(data)
    assert (header.version, header.width, header.height, header.quality, len(data)) == tuple(
        entry[field] for field in ("version", "width", "height", "quality", "bytes")
    )
    assert (coders.coder_name(header.coder), [header.grid.rows, header.grid.columns]) == (
        entry["coder"],
        entry["tiles"],
    )
    assert box_digests([box.box for box in header.boxes], header.height, header.width) == entry["boxes"]
    symbols = {}
    pixels = codec(entry["model"]).decompress(
        data, observe=lambda tile, stream, found: symbols.update({(stream, tile): found})
    )
    assert sum(map(len, symbols.values())) == entry["symbols"]
    coded = b"".join(symbols[key].astype("<i4").tobytes() for key in sorted(symbols))
    assert hashlib.sha256(coded).hexdigest() == entry["symbols_sha256"]
    assert np.abs(pixels.astype(int) - picture(entry["picture"])).max() <= 1
