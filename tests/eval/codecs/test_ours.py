"""Our models as one codec among others: real bits, times by part, estimates, and the choice of models and qualities."""

import dataclasses

import jax
import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle, save_bundle
from cca_jax.codec.codec import Codec
from cca_jax.entropy_coding import coders
from cca_jax.model.cca import CCAModel
from cca_jax.tiling import geometry
from cca_jax.tiling.buckets import pad
from eval.codecs.interface import TOTAL, CodecError
from eval.codecs.ours import SINGLE_RATE, OurCodec, our_codecs


@pytest.fixture(scope="module", params=["gaussian", "laplacian"])
def bundle(micro, micro_params, request):
    return Bundle.build("micro", "", dataclasses.replace(micro, latent_density=request.param), micro_params)


@pytest.fixture(scope="module")
def ours(bundle):
    return OurCodec(Codec(bundle, coders.get_coder("constriction")))


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(3).integers(0, 256, (60, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def encoded(ours, pixels):
    return ours.encode(pixels, *SINGLE_RATE)


def test_the_file_is_the_codecs_own(ours, pixels, encoded):
    assert encoded.data == ours.codec.compress(pixels)
    decoded = ours.decode(encoded.data)
    np.testing.assert_array_equal(decoded.pixels, ours.codec.decompress(encoded.data))
    for seconds in (encoded.seconds, decoded.seconds):
        parts = [seconds[part] for part in ("transform", "entropy model", "coder")]
        assert min(parts) > 0
        assert sum(parts) <= seconds[TOTAL]


def test_streams_and_header_make_up_the_file(encoded):
    header = container.read_header(encoded.data)
    assert len(encoded.stream_bits) == len(header.entries)
    assert sum(encoded.stream_bits) + 8 * header.size == 8 * len(encoded.data)


def test_the_estimate_is_the_forward_pass_and_near_the_file(ours, pixels, encoded, micro_params):
    estimate = ours.estimate(pixels, *SINGLE_RATE)
    image = pad(pixels)[None] / np.float32(255)
    model = CCAModel(ours.codec.config)
    output = jax.jit(lambda image: model.apply({"params": micro_params}, image, auxiliary=False))(image)
    likelihoods = [
        output.likelihood_z,
        *np.split(output.likelihood_y, np.cumsum(ours.codec.config.slice_sizes)[:-1], -1),
    ]
    expected = [-np.log2(np.asarray(likelihood, np.float64)).sum() for likelihood in likelihoods]
    np.testing.assert_allclose(estimate.stream_bits, expected, rtol=1e-3)
    assert estimate.header_bits == 8 * container.read_header(encoded.data).size
    # Each stream ends on a whole byte, and a few streams of a hundred bytes are no measure of 1 %.
    assert abs(estimate.bits - 8 * len(encoded.data)) < 0.01 * estimate.bits + 32 * len(expected)


def test_an_image_in_tiles_is_estimated_tile_by_tile(ours, pixels, monkeypatch):
    monkeypatch.setattr(geometry, "LARGEST_AREA", 1)
    monkeypatch.setattr(geometry, "LONGEST_SIDE", 1)
    pixels = np.concatenate([pixels, 255 - pixels], axis=1)
    encoded, estimate = ours.encode(pixels, *SINGLE_RATE), ours.estimate(pixels, *SINGLE_RATE)
    header = container.read_header(encoded.data)
    assert header.grid.count == 2
    assert sum(encoded.stream_bits) + 8 * header.size == 8 * len(encoded.data)
    assert estimate.header_bits == 8 * header.size
    assert len(estimate.stream_bits) == len(encoded.stream_bits) == header.num_streams
    assert abs(estimate.bits - 8 * len(encoded.data)) < 0.01 * estimate.bits + 32 * len(header.entries)


def test_an_image_that_cannot_be_coded_is_a_codecs_failure(ours):
    with pytest.raises(CodecError, match="float32"):
        ours.encode(np.zeros((4, 4, 3), np.float32), *SINGLE_RATE)
    with pytest.raises(CodecError, match="empty"):
        ours.decode(b"")


def test_another_coder_or_model_is_another_version(ours, bundle):
    scaled = Codec(dataclasses.replace(bundle, scales=2 * bundle.scales), ours.codec.coder)
    assert OurCodec(scaled).version != ours.version
    if coders.is_available("tensorflow"):
        assert OurCodec(ours.codec.with_coder("tensorflow")).version != ours.version


def test_models_of_one_name_are_told_apart(bundle, micro_params, tmp_path):
    other = {**micro_params, "synthesis": jax.tree.map(lambda leaf: leaf + 1, micro_params["synthesis"])}
    save_bundle(bundle, tmp_path / "one" / "same", "")
    save_bundle(Bundle.build("same", "", bundle.config, other), tmp_path / "two" / "same", "")
    folders = [str(tmp_path / parent / "same") for parent in ("one", "two")]
    names = [codec.name for codec in our_codecs(folders, ())]
    assert len(set(names)) == 2
    assert all(name.startswith("same ") for name in names)
    (single,) = our_codecs(folders[:1], ())
    assert (single.name, single.settings) == ("same", SINGLE_RATE)
    with pytest.raises(ValueError, match="twice"):
        our_codecs([folders[0], folders[0] + "/."], ())
    with pytest.raises(ValueError, match="single rate"):
        our_codecs(folders[:1], (30.0,))


def test_each_effort_is_a_codec_of_its_own(tmp_path, micro_lite, micro_lite_params, pixels):
    save_bundle(Bundle.build("lite", "", micro_lite, micro_lite_params), tmp_path / "lite", "")
    plain, searched = our_codecs([str(tmp_path / "lite")], (40.0,), (0, 1))
    assert (plain.name, searched.name) == ("lite", "lite, effort 1")
    assert plain.version != searched.version
    encoded = searched.encode(pixels, 40.0)
    assert encoded.data == searched.codec.compress(pixels, 40.0, effort=1) != plain.encode(pixels, 40.0).data
    assert sum(encoded.seconds.values()) - encoded.seconds[TOTAL] <= encoded.seconds[TOTAL]
    promised, written = searched.estimate(pixels, 40.0).bits, 8 * len(encoded.data)
    assert abs(promised - written) < 0.01 * promised + 32 * 4


def test_a_model_of_a_single_rate_makes_no_effort(bundle, tmp_path):
    save_bundle(bundle, tmp_path / "one", "")
    with pytest.raises(ValueError, match="leave --effort out"):
        our_codecs([str(tmp_path / "one")], (), (0, 5))
