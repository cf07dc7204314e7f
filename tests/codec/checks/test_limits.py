"""What is too large is refused from the header alone, and what is computed stays within the stated memory."""

import dataclasses
import sys
import time

import numpy as np
import pytest

from bench.process.command import run_command
from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.checks import limits
from cca_jax.codec.codec import Codec, load_model
from cca_jax.config import PRESETS
from cca_jax.entropy_coding import coders
from cca_jax.entropy_coding.errors import CorruptError, TooLargeError
from cca_jax.image_io.images import write_image
from cca_jax.tiling.geometry import Grid


@pytest.fixture(scope="module")
def codec(micro_lite, micro_lite_params):
    return Codec(Bundle.build("micro", "", micro_lite, micro_lite_params, "float16"), coders.get_coder("constriction"))


@pytest.fixture
def nothing_runs(monkeypatch):
    def called(*arguments, **named):
        raise AssertionError("something was computed")

    monkeypatch.setattr("cca_jax.codec.codec.ImageCoder", called)


def bomb(codec, width, height, tile=None):
    """A file with right checksums that declares a large image in streams of no bytes."""
    grid = Grid.whole(height, width) if tile is None else Grid(Grid.whole(height, width).area, tile)
    streams = (container.Stream(b"", 0),) * (grid.count * (1 + codec.config.num_slices))
    file = container.Container(width, height, codec.identity, 2, 50.0, streams)
    return container.write(file if tile is None else dataclasses.replace(file, version=3, tile=tile))


@pytest.mark.usefixtures("nothing_runs")
def test_a_small_file_of_a_large_image_is_refused(codec):
    data = bomb(codec, 65535, 65535)
    assert len(data) < 70
    with pytest.raises(TooLargeError, match="65535×65535 pixels is larger than the 300,000,000 pixels") as caught:
        codec.decompress(data)
    assert "\n" not in str(caught.value)
    with pytest.raises(TooLargeError):
        codec.decompress(data, slices=0)


@pytest.mark.usefixtures("nothing_runs")
def test_the_bound_is_the_users(codec):
    small = Codec(codec.bundle, codec.coder, max_pixels=100)
    with pytest.raises(TooLargeError, match="larger than the 100 pixels"):
        small.decompress(bomb(codec, 101, 1))
    with pytest.raises(TooLargeError, match="an image of 11×10 pixels"):
        small.with_coder("tensorflow").compress(np.zeros((10, 11, 3), np.uint8))
    with pytest.raises(AssertionError, match="computed"):  # within the bound
        small.compress(np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(TooLargeError, match="larger than the 7 pixels"):
        load_model("lite", max_pixels=7).compress(np.zeros((1, 8, 3), np.uint8))


@pytest.mark.usefixtures("nothing_runs")
def test_tiles_beyond_the_machines_memory_are_refused(codec, monkeypatch):
    """Within the pixels that are accepted: one tile of 289 megapixels, and rows of such tiles."""
    monkeypatch.setattr(limits, "machine_bytes", lambda: 4_000_000_000)
    with pytest.raises(TooLargeError, match=r"a tile of 17024×17024 pixels may take \d+ GB .* this machine has 4 GB"):
        codec.decompress(bomb(codec, 17_000, 17_000))
    with pytest.raises(TooLargeError, match="a tile of 16320×16320 pixels"):
        codec.decompress(bomb(codec, 17_000, 17_000, (255, 255)))
    with pytest.raises(AssertionError, match="computed"):
        codec.decompress(bomb(codec, 17_000, 17_000, (14, 14)))
    monkeypatch.setattr(limits, "machine_bytes", lambda: None)  # a system that does not say
    limits.check_memory(codec.config, Grid.whole(17_000, 17_000))


def test_working_memory_follows_the_tile():
    config = PRESETS["paper"]
    whole = limits.working_bytes(config, Grid.whole(2048, 1536))
    assert 4.4e9 < whole < 8e9  # 4.4 GB were measured (docs/evaluation/performance.md)
    (tiled, larger) = (limits.working_bytes(config, Grid.divide(side, side)) for side in (4000, 16_000))
    assert tiled < larger < 1.5 * tiled
    assert limits.working_bytes(config, Grid.whole(64, 64)) < 1e7


def test_this_machine_says_its_memory():
    assert 1 << 28 < limits.machine_bytes() < 1 << 50


def test_a_stated_tile_count_is_held_against_the_bytes_that_are_there(codec):
    """65536 tiles would be a quarter of a million entries; reading them ends where the file does."""
    data = bomb(codec, 16_384, 16_384, (1, 1))
    start = time.process_time()
    for size in (18, 80, 1000):
        with pytest.raises(CorruptError, match="cut short within its header"):
            codec.decompress(data[:size])
    assert time.process_time() - start < 0.2


@pytest.mark.slow
@pytest.mark.parametrize(("size", "tile"), [((1536, 1024), None), ((1536, 1024), "256"), ((4000, 3000), None)])
def test_peak_memory_is_below_the_stated_bound(tmp_path, size, tile):
    """Of whole commands with the default model, in processes of their own."""
    model = load_model("lite")
    width, height = size
    coarse = np.random.default_rng(0).integers(0, 256, (height // 25, width // 25, 3), dtype=np.uint8)
    write_image(tmp_path / "photo.png", np.kron(coarse, np.ones((25, 25, 1), np.uint8)))
    command = [sys.executable, "-m", "cca_jax.cli"]
    cut = [] if tile is None else ["--tile", tile]
    usages = [
        run_command([*command, "compress", str(tmp_path / "photo.png"), *cut]),
        run_command([*command, "decompress", str(tmp_path / "photo.cca"), "-o", str(tmp_path / "back.png")]),
    ]
    grid = Grid.divide(height, width, None if tile is None else int(tile))
    bound = limits.PROCESS_BYTES + limits.BYTES_PER_PIXEL * height * width
    bound += limits.working_bytes(model.config, grid)
    for usage in usages:
        assert usage.peak_bytes < bound
