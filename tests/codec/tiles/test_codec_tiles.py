"""Files of several tiles: round trips, tiles that know nothing of each other, early ends, and every refusal.

Most of it with exact scales, which compile the fewest programs.
"""

import dataclasses

import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec, load_model
from cca_jax.codec.quality_search import Target, compress_to_target
from cca_jax.codec.tiles.stopwatch import Stopwatch
from cca_jax.entropy_coding import coders
from cca_jax.entropy_coding.errors import CorruptError
from cca_jax.tiling import geometry
from cca_jax.tiling.blending import FADE

# 150×250 pixels are 3×4 units, and 2×2 tiles of 2×2 units, the lower ones of 1×2.
HEIGHT, WIDTH, TILE = 150, 250, 128

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def codec(micro_lite, micro_lite_params):
    """Of rates that no other test has: JAX would give it programs that another compiled with all optimisations.

    An encoder compiled with other optimisations than its decoder differs from it in last bits, and by a level in one
    pixel of these pictures.
    """
    config = dataclasses.replace(micro_lite, rate_weights=(8.0, 2.0, 0.75))
    return Codec(Bundle.build("lite", "", config, micro_lite_params), coders.get_coder("constriction"))


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def encoding(codec, image):
    return codec.encode(image, tile=TILE)


@pytest.fixture(scope="module")
def data(codec, image):
    return codec.compress(image, tile=TILE)


@pytest.fixture(scope="module")
def whole(codec, data):
    return codec.decompress(data)


def test_the_file_says_how_it_is_tiled_and_decodes_to_what_was_encoded(codec, image, encoding, data, whole):
    assert container.write(encoding.container) == data
    header = container.read_header(data)
    assert (header.version, header.grid.tile, header.grid.count) == (3, (2, 2), 4)
    assert whole.shape == image.shape
    np.testing.assert_array_equal(codec.restore(encoding), whole)
    np.testing.assert_array_equal(codec.decompress(data, clock=Stopwatch()), whole)  # one by one, not side by side
    channels = (codec.config.hyper_channels, *codec.config.slice_sizes)
    shapes = [(1, 3, 4, channels[0]), *((1, 12, 16, count) for count in channels[1:])]
    assert [symbols.shape for symbols in encoding.symbols] == shapes
    assert [indexes.shape for indexes in encoding.indexes] == shapes
    assert encoding.y_hat.shape == (1, 12, 16, codec.config.latent_channels)
    assert any(np.abs(symbols).max() > 1 for symbols in encoding.symbols)  # there was something to code


def test_what_fits_one_tile_is_the_file_of_version_2(codec, image):
    small = image[:TILE, :TILE]
    data = codec.compress(small)
    assert container.read_header(data).version == 2
    assert codec.compress(small, tile=TILE) == codec.compress(small, tile=10**6) == data
    np.testing.assert_array_equal(codec.restore(codec.encode(small)), codec.decompress(data))


def test_large_images_are_cut_unasked(codec, image, data, monkeypatch):
    monkeypatch.setattr(geometry, "LARGEST_AREA", 3)
    monkeypatch.setattr(geometry, "LONGEST_SIDE", 2)
    assert codec.compress(image) == data
    assert codec.encode(image[:TILE, :TILE], version=2).container.tile is None


def test_scales_from_the_context_know_nothing_of_other_tiles_either(micro, micro_params, image):
    codec = Codec(Bundle.build("micro", "", micro, micro_params), coders.get_coder("constriction"))
    encoding = codec.encode(image[:, :100], tile=64)
    data = container.write(encoding.container)
    assert (encoding.grid.rows, encoding.grid.columns) == (3, 2)
    np.testing.assert_array_equal(codec.restore(encoding), codec.decompress(data))
    other = image[:, :100].copy()
    other[128:] ^= 255
    changed = codec.encode(other, tile=64).container
    same = [encoding.container.streams_of(tile) == changed.streams_of(tile) for tile in range(6)]
    assert same == [True, True, False, False, False, False]


def test_a_tile_is_coded_without_what_is_beyond_its_halo(codec, image, encoding):
    other = image.copy()
    other[:, 3 * 64 :] ^= 255  # the first tile is 128 pixels wide and its halo another 64
    changed = codec.encode(other, tile=TILE).container
    for tile, same in enumerate([True, False, True, False]):
        streams = zip(encoding.container.streams_of(tile), changed.streams_of(tile), strict=True)
        assert all(before == after for before, after in streams) == same


def test_a_tile_decodes_to_its_symbols_whatever_its_neighbors_hold(codec, encoding, whole):
    """The checks of all symbols hold where the last tile has the streams of the third."""
    file = encoding.container
    streams = list(file.streams)
    for k in range(1 + codec.config.num_slices):
        streams[4 * k + 3] = file.streams[4 * k + 2]
    changed = codec.decompress(container.write(dataclasses.replace(file, streams=tuple(streams))))
    assert (changed[128:, 192:] != whole[128:, 192:]).any()


def test_damage_names_the_tile_and_leaves_the_slices_before(codec, data):
    damaged = bytearray(data)
    damaged[container.read_header(data).offsets[-3]] ^= 1  # the last slice of the third tile
    with pytest.raises(CorruptError, match="stream y3 of tile 3 is damaged"):
        codec.decompress(bytes(damaged))
    np.testing.assert_array_equal(codec.decompress(bytes(damaged), 2), codec.decompress(data, 2))


def test_wrong_symbols_name_the_tile(codec, encoding):
    file = encoding.container
    for number, name in ((2, "z of tile 3"), (4 * 3 + 1, "y3 of tile 2")):
        streams = list(file.streams)
        streams[number] = dataclasses.replace(streams[number], symbol_check=streams[number].symbol_check ^ 1)
        changed = container.write(dataclasses.replace(file, streams=tuple(streams)))
        with pytest.raises(CorruptError, match=f"stream {name} is intact"):
            codec.decompress(changed)


def test_slices_can_be_left_out_and_cut_off(codec, data, whole):
    offsets = container.read_header(data).offsets[::4]  # where z and each slice of all tiles begin
    pictures = [codec.decompress(data, slices=k) for k in range(codec.config.num_slices + 1)]
    np.testing.assert_array_equal(pictures[-1], whole)
    assert len({picture.tobytes() for picture in pictures}) > 2
    for k, picture in enumerate(pictures):
        np.testing.assert_array_equal(codec.decompress(data[: offsets[1 + k]], slices=k), picture)
        with pytest.raises(CorruptError, match="cut short"):
            codec.decompress(data[: offsets[1 + k] - 1], slices=k)


def test_each_tile_of_a_cut_file_decodes_to_what_is_whole_of_it(codec, data, whole):
    header, decoded = container.read_header(data), []
    kinds = (1, 3, 6, len(header.entries) - 1)  # z of one tile, of three; y1 of two tiles; all but the last stream
    pictures = []
    for kept in kinds:
        decoded.clear()
        cut = data[: header.offsets[kept] + 1]
        pictures.append(codec.decompress(cut, partial=True, observe=lambda *seen: decoded.append(seen[1::-1])))
        assert sorted(decoded) == [divmod(number, 4) for number in range(kept)]
        assert pictures[-1].shape == whole.shape
    assert len({picture.tobytes() for picture in pictures}) == len(kinds)
    damaged = bytearray(data)
    damaged[header.offsets[1]] ^= 1  # z of the second tile
    errors = np.abs(codec.decompress(bytes(damaged), partial=True).astype(int) - whole)
    assert errors[:128, 192:].mean() > 2 * errors[128:, :64].mean()


def test_too_small_a_tile_is_refused(codec, image):
    with pytest.raises(ValueError, match="sides of at least 64 pixels, got 63"):
        codec.compress(image, tile=63)


def test_a_target_is_searched_for_in_tiles(codec, image):
    low, high = (8 * len(codec.compress(image, quality, tile=TILE)) / (HEIGHT * WIDTH) for quality in (1, 100))
    actual = compress_to_target(codec, image, Target((low + high) / 2, "bpp"), TILE)
    assert container.read_header(actual.data).grid.count == 4
    assert low < actual.value <= (low + high) / 2


def smooth_and_textured(height, width):
    """Gradients on the left, fine waves and noise on the right."""
    rows, columns = np.mgrid[:height, :width]
    waves = [128 + 60 * np.sin(rows / (9 + 7 * c)) * np.sin(columns / (23 - 5 * c)) for c in range(3)]
    noise = np.random.default_rng(0).normal(0, 12, (height, width, 1)) * (columns[..., None] > width / 2)
    return np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)


@pytest.mark.slow
def test_seams_are_not_seen():
    """With trained weights: the error along a seam is that of the same pixels in an image that was not cut."""
    codec, image = load_model("starter"), smooth_and_textured(320, 320)
    cut, uncut = ((codec.restore(codec.encode(image, tile=tile)).astype(float) - image) ** 2 for tile in (192, None))
    band = np.zeros(image.shape[:2], bool)
    band[192 - FADE : 192 + FADE] = band[:, 192 - FADE : 192 + FADE] = True
    decibels = lambda error, where: -10 * np.log10(error[where].mean())  # noqa: E731
    assert abs(decibels(cut, band) - decibels(uncut, band)) < 0.1
    assert abs(decibels(cut, ~band) - decibels(uncut, ~band)) < 0.1
