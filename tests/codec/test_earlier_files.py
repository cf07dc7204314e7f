"""Files of every version of the format, made before the library was rebuilt in rooms, decode to what they were.

`golden/earlier` has the model, a transform codec that learned nothing, files of versions 1 to 3 by both range coders,
and what they decoded to where they were made: columns 300 to 499, rows 200 to 329 of the demo's photo at quality 70.
"""

from pathlib import Path

import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.codec.codec import load_model
from cca_jax.entropy_coding import coders
from cca_jax.image_io.images import read_image

EARLIER = Path(__file__).parents[1] / "golden" / "earlier"


@pytest.fixture(scope="module")
def codec():
    return load_model(EARLIER / "model")


@pytest.mark.parametrize(("version", "picture"), [(1, "whole"), (2, "whole"), (3, "tiles")])
@pytest.mark.parametrize("coder", ["tensorflow", "constriction"])
def test_an_earlier_file_decodes_to_its_picture(codec, version, picture, coder):
    if not coders.is_available(coder):
        pytest.skip(f"the range coder {coder} is not installed")
    file = (EARLIER / f"v{version}_{coder}.cca").read_bytes()
    assert container.read_header(file).version == version
    restored = codec.decompress(file)  # which checks the symbols
    expected = read_image(EARLIER / f"{picture}.png").pixels
    assert np.abs(restored.astype(int) - expected).max() <= 1
