"""The search for a rate or a fidelity: on curves that are known, and on a real image of a small model."""

import dataclasses
import math

import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec import quality_search
from cca_jax.codec.codec import Codec
from cca_jax.codec.quality_search import Target, compress_to_target
from cca_jax.entropy_coding import coders


@pytest.fixture(scope="module")
def codec(micro_lite, micro_lite_params):
    return Codec(Bundle.build("lite", "", micro_lite, micro_lite_params, "float16"), coders.get_coder("constriction"))


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (570, 64, 3)).astype(np.uint8)


def assert_near(actual, target):
    """On the target's good side, and no further than promised."""
    miss = actual.value - target.value
    assert miss <= 0 if target.kind == "bpp" else miss >= 0
    assert abs(miss) <= (0.01 * target.value if target.kind == "bpp" else 0.02)


@pytest.mark.parametrize("kind", ["bpp", "psnr"])
def test_a_target_is_found_between_the_ends(kind):
    """On files whose rate and fidelity are known functions of the quality."""
    asked = []

    def measure(quality):
        asked.append(quality)
        return quality_search.SearchResult(
            b"", quality, 0.1 * 10 ** (quality / 100) if kind == "bpp" else 25 + quality / 10
        )

    target = Target(0.4 if kind == "bpp" else 31.7, kind)
    actual = quality_search._narrow(measure, measure(1.0), measure(100.0), target)
    assert len(asked) <= 6
    assert_near(actual, target)


@pytest.mark.parametrize("kind", ["bpp", "psnr"])
@pytest.mark.parametrize("bend", [0.3, 3.0])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.98])
def test_a_target_is_found_on_a_curve_that_bends(kind, bend, share):
    """Rates and fidelities that hardly move over most of the range: the line between two files is far off."""

    def measure(quality):
        place = ((quality - 1) / 99) ** bend
        return quality_search.SearchResult(b"", quality, math.exp(place) if kind == "bpp" else 25 + 10 * place)

    target = Target(math.exp(share) if kind == "bpp" else 25 + 10 * share, kind)
    actual = quality_search._narrow(measure, measure(1.0), measure(100.0), target)
    assert_near(actual, target)


@pytest.mark.parametrize(("kind", "target", "expected"), [("psnr", 27.0, 1.0), ("bpp", 26.0, 100.0)])
def test_where_the_ends_lie_the_other_way_round_the_one_that_meets_the_target_is_taken(
    codec, image, monkeypatch, kind, target, expected
):
    values = {1.0: 29.0, 100.0: 25.0}  # as of a photo of a single black pixel

    def encode(image, quality, **_):
        file = dataclasses.replace(encoding.container, quality=quality)
        return dataclasses.replace(encoding, container=file)

    encoding = codec.encode(image, 1.0)
    monkeypatch.setattr(codec, "encode", encode)
    monkeypatch.setattr(codec, "restore", lambda encoding: np.full_like(image, encoding.container.quality))
    monkeypatch.setattr(quality_search, "psnr", lambda x, y: [values[float(y.reshape(-1)[0])]])
    pixels = image.shape[0] * image.shape[1]
    monkeypatch.setattr(container, "write", lambda file: bytes(round(values[file.quality] * pixels / 8)))
    assert compress_to_target(codec, image, Target(target, kind)).quality == expected


@pytest.mark.parametrize("kind", ["bpp", "psnr"])
def test_a_file_that_hits_the_target_is_taken(kind):
    def measure(quality):
        return quality_search.SearchResult(
            b"", quality, 2.0 ** (quality // 10) if kind == "bpp" else float(quality // 10)
        )

    target = Target(4.0, kind)
    assert quality_search._narrow(measure, measure(1.0), measure(100.0), target).value == 4.0


def test_a_search_in_steps_ends_within_a_step():
    """Rates that jump: what is found is on the good side."""
    measure = lambda quality: quality_search.SearchResult(b"", quality, 1.0 if quality < 40 else 2.0)  # noqa: E731
    actual = quality_search._narrow(measure, measure(1.0), measure(100.0), Target(1.5, "bpp"))
    assert (actual.value, actual.quality < 40) == (1.0, True)


def test_targets_on_a_real_image(codec, image):
    low, high = (8 * len(codec.compress(image, quality)) / (570 * 64) for quality in (1.0, 100.0))
    actual = compress_to_target(codec, image, Target((low + high) / 2, "bpp"))
    assert low < 8 * len(actual.data) / (570 * 64) == actual.value <= (low + high) / 2
    assert container.read_header(actual.data).quality == actual.quality


def test_a_target_that_every_quality_meets_gives_the_end_of_the_range(codec, image):
    assert compress_to_target(codec, image, Target(1000.0, "bpp")).quality == 100
    assert compress_to_target(codec, image, Target(0.1, "psnr")).quality == 1


@pytest.mark.parametrize(
    ("target", "message"),
    [(Target(1e-3, "bpp"), "bits per pixel at least: 0.001 are"), (Target(90.0, "psnr"), "dB at most: 90 are")],
)
def test_a_target_that_no_quality_meets_is_refused(codec, image, target, message):
    with pytest.raises(ValueError, match=message):
        compress_to_target(codec, image, target)


@pytest.mark.parametrize(("value", "kind"), [(0.0, "bpp"), (float("nan"), "psnr"), (1.0, "ssim")])
def test_impossible_targets_are_refused(value, kind):
    with pytest.raises(ValueError, match="a target is"):
        Target(value, kind)


def test_a_model_of_one_rate_has_no_target(micro, micro_params, image):
    single = Codec(Bundle.build("one", "", micro, micro_params), coders.get_coder("constriction"))
    with pytest.raises(ValueError, match="'one' has a single rate"):
        compress_to_target(single, image, Target(1.0, "bpp"))
