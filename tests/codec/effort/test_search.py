"""Effort in real files: never worse, repeatable, read by any decoder; every source of scales, tiles, odd sizes."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.codec.effort import levels, search
from cca_jax.codec.effort.choice import best_file
from cca_jax.codec.tiles.stopwatch import Stopwatch
from cca_jax.entropy_coding import coders
from cca_jax.model.rates import RatePoint, rate_weight_at

pytestmark = pytest.mark.usefixtures("quick_compilation")

HEIGHT, WIDTH, TILE, QUALITY, EFFORT = 100, 150, 64, 61.3, 3


@pytest.fixture(scope="module", params=["hyperprior_exact", "context_exact", "context"])
def codec(request, micro_lite, micro_context, draw_lively):
    config = {
        "hyperprior_exact": micro_lite,
        "context_exact": micro_context,
        "context": dataclasses.replace(micro_lite, scale_source="context", latent_density="gaussian"),
    }[request.param]
    return codec_of(config, draw_lively(config))


def codec_of(config, params):
    return Codec(Bundle.build("micro", "", config, params), coders.get_coder("constriction"))


@pytest.fixture(scope="module")
def lite(micro_lite, micro_lite_params):
    return codec_of(micro_lite, micro_lite_params)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def cost(codec, image, data, quality=QUALITY):
    """0.05 · 255² · MSE + λ · bits per pixel."""
    position = (round(256 * quality) / 256 - 1) / 99 * (codec.config.num_rates - 1)
    weight = float(rate_weight_at(codec.config, jnp.array([position]))[0])
    error = np.square(codec.decompress(data).astype(float) - image).mean()
    return 0.05 * error + weight * 8 * len(data) / (image.shape[0] * image.shape[1])


def test_a_searched_file_is_better_and_decodes_to_what_the_encoder_has(codec, image):
    plain = codec.compress(image, QUALITY)
    encoding = codec.encode(image, QUALITY, effort=EFFORT)
    data = container.write(encoding.container)
    assert cost(codec, image, data) < cost(codec, image, plain)
    seen = {}
    decoded = codec.decompress(data, observe=lambda tile, stream, symbols: seen.update({stream: symbols}))
    np.testing.assert_array_equal(decoded, codec.restore(encoding))
    for stream, symbols in enumerate(encoding.symbols):
        np.testing.assert_array_equal(seen[stream], symbols.ravel())


def test_the_same_level_gives_the_same_file_and_none_gives_todays(lite, image):
    actual = lite.compress(image, QUALITY, effort=EFFORT)
    again = codec_of(lite.config, lite.bundle.params).compress(image, QUALITY, effort=EFFORT)
    assert actual == again == container.write(lite.encode(image, QUALITY, effort=EFFORT).container)
    assert lite.compress(image, QUALITY, effort=0) == lite.compress(image, QUALITY) != actual


def test_tiles_are_searched_one_by_one_and_the_file_is_the_better_one(codec, image, monkeypatch):
    done = []
    actual = codec.compress(image, QUALITY, tile=TILE, effort=2, progress=lambda *reports: done.append(reports))
    grid = container.read_header(actual).grid
    total = grid.count * levels.LEVELS[2].iterations
    assert grid.count == 6
    assert [number for number, _ in done] == sorted(number for number, _ in done)
    assert done[-1] == (total, total)
    plain = codec.compress(image, QUALITY, tile=TILE)
    assert cost(codec, image, actual) < cost(codec, image, plain)
    encoding = codec.encode(image, QUALITY, tile=TILE, effort=2)
    assert container.write(encoding.container) == actual
    np.testing.assert_array_equal(codec.restore(encoding), codec.decompress(actual))


def test_where_seams_make_tiles_worse_together_the_plain_file_stays(lite, image, monkeypatch):
    plain = lite.compress(image, QUALITY, tile=TILE)
    search_tile = search._search

    def harmful(tile, shape, effort, report):
        choice = search_tile(tile, shape, effort, report)
        worse = search.encode_latent(tile.coding, tile.y + 100, effort.bundle, effort.coder)
        return choice._replace(best=worse)

    monkeypatch.setattr(search, "_search", harmful)
    assert lite.compress(image, QUALITY, tile=TILE, effort=1) == plain
    assert container.write(lite.encode(image, QUALITY, tile=TILE, effort=1).container) == plain


def test_a_search_that_finds_nothing_gives_the_plain_file(lite, image, monkeypatch):
    useless = dataclasses.replace(levels.LEVELS[1], rate=1e4)
    monkeypatch.setattr("cca_jax.codec.coding_ways.LEVELS", (levels.LEVELS[0], useless))
    assert lite.compress(image, QUALITY, effort=1) == lite.compress(image, QUALITY)


@pytest.mark.parametrize("quality", [1.0, 100.0])
def test_sizes_colors_and_ends_of_the_range(lite, quality):
    images = [np.full((1, 1, 3), 7, np.uint8), np.full((65, 30, 3), 128, np.uint8)]
    images.append(np.repeat(np.arange(70, dtype=np.uint8)[:, None, None], 64, 1).repeat(3, 2))
    for image in images:
        actual, plain = (lite.compress(image, quality, effort=effort) for effort in (1, 0))
        assert cost(lite, image, actual, quality) <= cost(lite, image, plain, quality)
        assert lite.decompress(actual).shape == image.shape


def test_padding_does_not_count(lite):
    """What is cropped may be anything: a search that saw it would keep it."""
    image = np.random.default_rng(1).integers(0, 256, (65, 65, 3)).astype(np.uint8)
    whole = np.pad(image, ((0, 63), (0, 63), (0, 0)), mode="edge")
    of_part, of_whole = (lite.encode(some, QUALITY, effort=4) for some in (image, whole))
    assert len(container.write(of_part.container)) < len(container.write(of_whole.container))


def test_the_older_formats_can_be_searched_too(lite, image):
    encoding = lite.encode(image, QUALITY, effort=2, version=1)
    data = container.write(encoding.container)
    assert data != container.write(lite.encode(image, QUALITY, version=1).container)
    np.testing.assert_array_equal(lite.decompress(data), lite.restore(encoding))


def test_a_search_stops_where_nothing_moves(lite, monkeypatch):
    calls = []
    monkeypatch.setattr(
        search,
        "_iterations",
        lambda level, first: (
            calls.append(first)
            or search.descent.Iterations(
                *(jnp.full(search.AT_ONCE, value, jnp.float32) for value in (1.0, 0.5, 0.9, 0.0, 0.0))
            )
        ),
    )
    reports = []
    lite.compress(np.full((64, 64, 3), 9, np.uint8), 1.0, effort=9, progress=lambda *now: reports.append(now))
    assert len(calls) * search.AT_ONCE < levels.LEVELS[9].iterations
    assert reports[-1][0] == reports[-1][1] == levels.LEVELS[9].iterations


def test_the_clock_counts_the_search(lite, image):
    clock = Stopwatch()
    lite.compress(image, QUALITY, effort=1, clock=clock)
    assert clock.seconds[search.SEARCH] > 0


def test_refusals(lite, image, micro, micro_params):
    for bad in (-1, 10, 2.0, True, "3"):
        with pytest.raises(ValueError, match="effort is a whole number from 0 to 9"):
            lite.compress(image, effort=bad)
    with pytest.raises(ValueError, match="single rate"):
        codec_of(micro, micro_params).compress(image, effort=1)


def test_the_rate_weight_is_that_of_the_quality(lite):
    first, *_, last = lite.config.rate_weights
    assert RatePoint.of_quality(lite.config, 1.0).weight == pytest.approx(first)
    assert RatePoint.of_quality(lite.config, 100.0).weight == pytest.approx(last)


def test_of_files_alike_the_first_is_best():
    image = np.full((2, 2, 3), 10, np.uint8)
    files = {"a": (image + 1, 3), "b": (image, 4), "c": (image, 4)}
    for weight, best in ((0.01, "b"), (10.0, "a")):
        chosen = best_file(
            list(files), image, RatePoint(jnp.array([weight])), lambda name: files[name][0], lambda name: files[name][1]
        )
        assert chosen == best
