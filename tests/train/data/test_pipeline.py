import itertools
import multiprocessing
import sys

import numpy as np
import pytest

from cca_jax.image_io.images import ImageError
from train.data import steps_per_epoch, training_batches
from train.data.folder import open_folder

SIZES = ((20, 40), (30, 16), (16, 16), (17, 50), (3, 18), (60, 60), (16, 33))


@pytest.fixture
def photos(photo):
    return [photo(*size, tag) for tag, size in enumerate(SIZES)]


def take(source, count, seed=0, batch_size=4, **options):
    with training_batches(source, seed=seed, batch_size=batch_size, patch_size=16, **options) as batches:
        return np.stack(list(itertools.islice(batches, count)))


def test_crops_are_connected_pieces_of_the_photos(photos):
    crops = np.concatenate(take(photos, 50))
    assert crops.shape == (200, 16, 16, 3)
    assert crops.dtype == np.uint8
    for crop in crops:
        top, left, tag = crop[0, 0]
        if tag != 4:  # smaller than a crop; mirrored, see test_crops.py
            np.testing.assert_array_equal(crop, photos[tag][top : top + 16, left : left + 16])
    assert np.unique(crops[crops[:, 0, 0, 2] == 5][:, 0, 0, :2], axis=0).shape[0] > 20


def test_each_epoch_visits_each_photo_once_in_an_order_of_its_own(photos):
    tags = take(photos, 21, batch_size=2)[..., 0, 0, 2].reshape(6, 7)
    assert (np.sort(tags) == np.arange(7)).all()
    assert len({tuple(epoch) for epoch in tags}) == 6
    assert steps_per_epoch(photos, 2) == 4
    assert steps_per_epoch(photos, 7) == 1
    assert steps_per_epoch(photos, 70) == 1


def test_the_draws_are_those_of_every_release(photos):
    """Corners and tags; if they change, runs that are resumed see other crops than they would have seen."""
    assert take(photos, 2)[:, :, 0, 0].tolist() == [
        [[2, 25, 5], [0, 11, 3], [0, 15, 6], [0, 8, 0]],
        [[0, 2, 4], [0, 0, 2], [8, 0, 1], [0, 11, 6]],
    ]


def test_another_seed_draws_other_orders_and_places(photos):
    first, second = (take(photos, 14, seed=seed, batch_size=1)[:, 0, 0, 0] for seed in (0, 1))
    assert (first[:7, 2] != second[:7, 2]).any()
    assert (first[7:, 2] != second[:7, 2]).any()  # one run's second epoch is not the next run's first
    assert sorted(map(tuple, first)) != sorted(map(tuple, second))
    np.testing.assert_array_equal(take(photos, 14, seed=0, batch_size=1)[:, 0, 0, 0], first)


def test_a_run_resumed_anywhere_goes_on_as_if_it_had_not_stopped(photos):
    whole = take(photos, 8)
    with training_batches(photos, seed=0, batch_size=4, patch_size=16, start=5) as batches:
        np.testing.assert_array_equal(np.stack([next(batches), next(batches)]), whole[5:7])
        assert batches.position == 7
    far = take(photos, 1, start=10**9)
    assert far.shape == (1, 4, 16, 16, 3)


def test_hosts_share_the_rows_of_the_global_batch(photos):
    whole = take(photos, 4, start=3)
    parts = [take(photos, 4, start=3, process_index=index, process_count=2) for index in range(2)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_worker_processes_draw_the_same_and_their_death_is_reported(tmp_path, save, save_damaged):
    for tag in range(6):
        save(tmp_path / f"{tag}.png", 30, 40, tag)
    bad = save_damaged(tmp_path / "bad.png")
    source, _ = open_folder(tmp_path)
    messages = {0: [], 2: []}
    expected = take(source, 5, tell=messages[0].append, start=1)
    with training_batches(
        source, seed=0, batch_size=4, patch_size=16, start=1, workers=2, tell=messages[2].append
    ) as batches:
        np.testing.assert_array_equal(np.stack(list(itertools.islice(batches, 5))), expected)
        assert messages[2] == messages[0]
        assert len(messages[2]) == len(batches.failures) == 1
        assert messages[2][0].startswith(f"{bad}: is damaged or cut short (")
        for worker in multiprocessing.active_children():
            worker.kill()
        with pytest.raises(ChildProcessError, match="terminated unexpectedly"):
            list(batches)
    assert not multiprocessing.active_children()


class Damaged(list):
    """Photos of which those that are None cannot be decoded."""

    def __getitem__(self, index):
        photo = super().__getitem__(index)
        if photo is None:
            raise ImageError(f"photo {index}: cannot be decoded")
        return photo


def test_a_photo_that_fails_is_replaced_by_the_next_and_told_once(photos, capsys):
    damaged = Damaged([None, None, *photos[2:]])
    tags = take(damaged, 6, batch_size=7)[..., 0, 0, 2]
    assert (np.sort(tags) == [2, 2, 2, 3, 4, 5, 6]).all()
    lines = capsys.readouterr().err.splitlines()
    assert sorted(line.split(":")[0] for line in lines) == ["photo 0", "photo 1"]
    assert lines[1].endswith(": cannot be decoded: another photo takes its place (2 so far)")


def test_photos_of_which_none_can_be_decoded_end_the_run(capsys):
    with pytest.raises(ValueError, match=r"too many photos in a row cannot be decoded, the last: photo [0-2]: "):
        take(Damaged([None] * 3), 1)
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_closed_batches_stay_closed(photos):
    batches = training_batches(photos, seed=0, batch_size=1, patch_size=8)
    next(batches)
    batches.close()
    batches.close()
    with pytest.raises(ValueError, match="closed"):
        next(batches)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size and patch_size must be at least 1"),
        ({"process_index": 2, "process_count": 2}, r"process_index must be in \[0, 2\), got 2"),
        ({"process_count": 3}, "a batch of 4 cannot be shared by 3 hosts: make it a multiple"),
        ({"start": -1}, "start and workers must be at least 0"),
    ],
)
def test_bad_arguments(photos, options, message):
    with pytest.raises(ValueError, match=message):
        take(photos, 1, **options)


def test_without_grain_the_extra_is_named(photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "grain", None)
    with pytest.raises(ValueError, match=r"grain, which is not installed: pip install -e '\.\[train\]'"):
        take(photos, 1)
