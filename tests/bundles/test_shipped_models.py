"""The weights that come with the package: what they promise on a photo."""

from pathlib import Path

import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bundles import registry
from cca_jax.codec.codec import load_model
from cca_jax.config.quality_scale import SWEEP
from cca_jax.image_io.images import read_image
from cca_jax.objective.metrics import fidelity
from eval.demo.demo import PHOTO

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def codec():
    return load_model(registry.DEFAULT_MODEL).with_coder("constriction")


@pytest.fixture(scope="module")
def photo():
    return read_image(PHOTO).pixels[128:384, 256:512]


def test_the_default_model_is_small_and_portable(codec):
    summary = registry.summarize_model(registry.DEFAULT_MODEL)
    assert summary.bytes <= 10_000_000
    assert summary.cost.decode <= 25
    assert summary.config.exact_scales
    assert summary.card is not None
    assert codec.quality_range == (1.0, 100.0)


def test_more_quality_is_more_bits_and_more_fidelity(codec, photo):
    sizes, fidelities = [], []
    for quality in SWEEP:
        encoding = codec.encode(photo, quality)
        sizes.append(len(container.write(encoding.container)))
        fidelities.append(fidelity(photo, codec.restore(encoding)).psnr)
    assert np.all(np.diff(sizes) > 0)
    assert np.all(np.diff(fidelities) > 0)
    assert sizes[-1] > 4 * sizes[0]


def test_between_two_qualities_sizes_lie_between_theirs(codec, photo):
    sizes = [len(codec.compress(photo, quality)) for quality in (50.0, 51.0, 52.0)]
    assert sizes[0] < sizes[1] < sizes[2]


def test_a_file_made_elsewhere_decodes_alike(codec):
    """The photo's columns and rows 128 to 255 at quality 50, with constriction; and what it was there decoded to."""
    file = (GOLDEN / "lite.cca").read_bytes()
    assert container.read_header(file).model_identity == codec.identity  # new weights need new golden files
    restored = codec.decompress(file)  # which checks the symbols
    assert np.abs(restored.astype(int) - read_image(GOLDEN / "lite.png").pixels).max() <= 1
