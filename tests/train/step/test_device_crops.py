"""Crops that a device cuts itself: pieces of the photos, from everywhere, in the shares that were asked for."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from train.data.packed import pack_photos
from train.step.device_crops import draw_crops, draw_places

ROOT = Path(__file__).parents[3]
SIZE = 64
ON_TWO_DEVICES = """
import sys
import jax, numpy as np
from train.data.packed import PackedPhotos
from train.step.device_crops import draw_crops
from train.step.mesh import make_mesh, replicate

file, size = np.load(sys.argv[1]), int(sys.argv[2])
expected = file["crops"]
mesh = make_mesh()
photos = replicate(PackedPhotos(*(file[name] for name in PackedPhotos._fields)), mesh)
crops = jax.jit(lambda photos: draw_crops(photos, 1, 5, len(expected), size, mesh))(photos)
np.testing.assert_array_equal(crops, expected)
assert [len(part.data) for part in crops.addressable_shards] == [len(expected) // 2] * 2
"""


class Marked:
    """Every pixel says where it is: its row, its column, its photo."""

    shapes = ((66, 65), (64, 64), (64, 448))

    def __len__(self):
        return len(self.shapes)

    def __getitem__(self, index):
        height, width = self.shapes[index]
        rows, columns = np.mgrid[:height, :width]
        return np.stack([rows, columns % 256, np.full_like(rows, index)], axis=-1).astype(np.uint8)


def packed(weight):
    photos = pack_photos(Marked(), size=SIZE, weight=weight, limit_bytes=2**22, tell=print)
    return jax.tree.map(jnp.asarray, photos)


@pytest.fixture(scope="module")
def crops():
    """2000 crops of 100 steps, by photo."""
    photos = packed("photo")
    return np.concatenate(jax.jit(jax.vmap(lambda step: draw_crops(photos, 3, step, 20, SIZE)))(np.arange(100)))


def test_every_crop_is_a_piece_of_one_photo(crops):
    top, left, number = (crops[:, :1, :1, channel].astype(int) for channel in range(3))
    place = np.arange(SIZE)
    np.testing.assert_array_equal(crops[..., 0], np.broadcast_to(top + place[:, None], crops.shape[:3]))
    np.testing.assert_array_equal(crops[..., 1], np.broadcast_to((left + place) % 256, crops.shape[:3]))
    np.testing.assert_array_equal(crops[..., 2], np.broadcast_to(number, crops.shape[:3]))


def test_every_place_of_every_photo_is_drawn(crops):
    corners = [{tuple(crop[0, 0, :2]) for crop in crops[crops[:, 0, 0, 2] == number]} for number in range(3)]
    assert corners[0] == {(top, left) for top in range(3) for left in range(2)}
    assert corners[1] == {(0, 0)}
    assert len(corners[2]) > 200
    drawn = crops[crops[:, 0, 0, 2] == 0][:, 0, 0, 0]
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), [1 / 3] * 3, atol=0.06)  # three deviations


@pytest.mark.parametrize("weight", ["photo", "area"])
def test_a_step_shares_its_crops_out_as_the_photos_shares_say(weight):
    photos = packed(weight)
    areas = np.array([height * width for height, width in Marked.shapes])
    shares = areas / areas.sum() if weight == "area" else np.full(3, 1 / 3)
    for step in range(5):
        crops = draw_crops(photos, 0, step, 40, SIZE)
        counts = np.bincount(np.asarray(crops[:, 0, 0, 2]), minlength=3)
        assert (np.abs(counts - 40 * shares) <= 1 + 1e-6).all()


def test_crops_follow_from_seed_and_step():
    photos = packed("photo")
    again, other_step, other_seed = (draw_crops(photos, *where, 8, SIZE) for where in ((1, 5), (1, 6), (2, 5)))
    np.testing.assert_array_equal(again, draw_crops(photos, 1, 5, 8, SIZE))
    assert (again != other_step).any()
    assert (again != other_seed).any()


def test_the_end_of_the_shares_is_the_last_photo(monkeypatch):
    """Rounding can make a share of exactly 1, behind which there is nothing."""
    monkeypatch.setattr(jax.random, "uniform", lambda key, shape: np.ones(shape, np.float32))
    photos = packed("photo")
    first, width = draw_places(photos, jax.random.key(0), 4, SIZE)
    assert first[-1] == photos.offsets[2] + 448 - SIZE
    assert width[-1] == 448


def test_devices_cut_the_same_crops(tmp_path):
    """On two virtual ones, which must be there before JAX is."""
    photos = packed("photo")
    np.savez(tmp_path / "photos.npz", **photos._asdict(), crops=draw_crops(photos, 1, 5, 8, SIZE))
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    command = [sys.executable, "-c", ON_TWO_DEVICES, str(tmp_path / "photos.npz"), str(SIZE)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=300)
