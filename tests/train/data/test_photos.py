import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from train.data import folder, open_photos
from train.data.source import CachedPhotos
from train.data.splits import hold_out, thin_out


def tags(source):
    return [int(source[index][0, 0, 2]) for index in range(len(source))]


def test_folders_are_read_at_any_depth_in_the_order_of_their_paths(tmp_path, save):
    for tag, name in enumerate(("a.png", "b/c/d.JPEG", "b/e.webp", "f.bmp", "g h/é.tiff")):
        save(tmp_path / name, tag=10 * tag)
    save(tmp_path / ".thumbnails" / "x.png", tag=99)
    save(tmp_path / "._a.png", tag=99)
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / "b" / "back").symlink_to(tmp_path, target_is_directory=True)
    photos = open_photos(str(tmp_path), 2)
    assert np.allclose(tags(photos.training), [10, 20, 30], atol=3)  # two of the formats lose a little
    assert np.allclose(tags(photos.validation), [0, 40], atol=3)
    assert photos.notes == (f"{tmp_path}: 3 photos for training, 2 held out for validation",)


def test_the_order_in_which_the_disk_lists_files_does_not_matter(tmp_path, save, monkeypatch):
    for tag in range(6):
        save(tmp_path / f"{tag % 2}" / f"{tag}.png", tag=tag)
    expected = tags(open_photos(str(tmp_path), 2).training)

    def shuffled(*arguments, **options):
        for current, folders, files in walk(*arguments, **options):
            random.Random(1).shuffle(files)
            folders.reverse()
            yield current, folders, files

    walk = os.walk
    monkeypatch.setattr(folder.os, "walk", shuffled)
    assert tags(open_photos(str(tmp_path), 2).training) == expected


def test_files_that_are_no_photos_are_named_and_counted(tmp_path, save):
    for tag in range(3):
        save(tmp_path / f"{tag}.png", tag=tag)
    (tmp_path / "bad.jpg").write_text("no picture")
    photos = open_photos(str(tmp_path), 1)
    assert photos.notes == (
        f"{tmp_path / 'bad.jpg'}: is not an image of a known format",
        f"{tmp_path}: 2 photos for training, 1 held out for validation; 1 passed over",
    )
    for number in range(30):
        (tmp_path / f"bad{number}.jpg").write_text("no picture")
    notes = open_photos(str(tmp_path), 1).notes
    assert len(notes) == 22
    assert notes[-2] == "… and 11 more files that cannot be used"
    assert notes[-1].endswith("; 31 passed over")


def test_the_reference_s_layout_brings_its_own_split(tmp_path, save):
    for tag in range(4):
        save(tmp_path / "train" / "deep" / f"{tag}.png", tag=tag)
        save(tmp_path / "test" / f"{tag}.png", tag=50 + tag)
    save(tmp_path / "elsewhere.png", tag=99)
    photos = open_photos(str(tmp_path), 9)
    assert tags(photos.training) == [0, 1, 2, 3]
    assert tags(photos.validation) == [50, 51, 52, 53]
    few = open_photos(str(tmp_path), 2)
    assert tags(few.validation) == [50, 53]
    assert few.notes == (f"{tmp_path}: 4 photos for training, 2 of the validation split's 4",)


@pytest.mark.parametrize(
    ("names", "validation", "message"),
    [
        (None, 1, "there is no such folder: give a folder of photos, or tfds:NAME"),
        ((), 1, "the folder holds no usable photo: no file ends in .apng"),
        (("bad.png",), 1, r"the folder holds no usable photo \(.*bad.png: is not an image of a known format\)"),
        (("a.png",), 1, "1 of 1 photos cannot be held out for validation: hold out fewer or give more photos"),
        (("a.png", "b.png"), 0, "validation_photos must be at least 1, got 0"),
        (("train/a.png", "test/bad.png"), 1, r"test: the folder holds no usable photo \("),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_one_line(tmp_path, save, names, validation, message):
    root = tmp_path / "photos"
    for name in names or ():
        save(root / name)
        if "bad" in name:
            (root / name).write_text("no picture")
    if names == ():
        root.mkdir()
    with pytest.raises(ValueError, match=message) as caught:
        open_photos(str(root), validation)
    assert "\n" not in str(caught.value)


def test_without_tensorflow_datasets_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ValueError, match=r"not installed: pip install -e '\.\[tfds\]'"):
        open_photos("tfds:clic", 1)


def test_held_out_photos_are_spread_and_not_trained_on(photo):
    training, held_out = hold_out([photo(2, 2, tag) for tag in range(10)], 3)
    assert tags(held_out) == [0, 4, 9]
    assert tags(training) == [1, 2, 3, 5, 6, 7, 8]
    assert tags(thin_out(held_out, 2)) == [0, 9]
    assert thin_out(held_out, 3) is held_out


class Counted(list):
    decoded = 0

    def __getitem__(self, index):
        self.decoded += 1
        return super().__getitem__(index)


def test_decoded_photos_are_kept_up_to_a_limit(photo):
    source = Counted(photo(4, 4, tag) for tag in range(5))
    cached = CachedPhotos(source, 2 * 48 + 47)
    for _ in range(3):
        assert tags(cached) == [0, 1, 2, 3, 4]
    assert source.decoded == 2 + 3 * 3


def test_neither_tensorflow_nor_jax_is_needed_for_a_folder(tmp_path, save):
    for tag in range(3):
        save(tmp_path / f"{tag}.png", tag=tag)
    script = (
        "import sys; from train.data import open_photos; photos = open_photos(sys.argv[1], 1); photos.training[0];"
        "assert not {'tensorflow', 'tensorflow_datasets', 'jax'} & set(sys.modules)"
    )
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True, timeout=60, cwd=root)
