"""Datasets as `tensorflow_datasets` prepares them; TensorFlow, which that takes, runs in a process of its own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from train.data import open_photos

PREPARE = """
import io, sys
import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

def photos(count, first):
    for number in range(count):
        file = io.BytesIO()
        rows, columns = np.mgrid[:40, :50]
        Image.fromarray(np.stack([rows, columns, 0 * rows + first + number], -1).astype(np.uint8)).save(file, "PNG")
        file.seek(0)
        yield number, {"label": number, "image": file, "thumbnail": np.zeros((2, 2, 3), np.uint8)}

def store(name, features, splits, file_format="array_record"):
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name, version="1.0.0", features=tfds.features.FeaturesDict(features), split_datasets=splits,
        data_dir=sys.argv[1], file_format=file_format, disable_shuffling=True,
    )

tfds.disable_progress_bar()
picture = {"label": np.int64, "thumbnail": tfds.features.Image(), "image": tfds.features.Image()}
store("both", picture, {"train": photos(6, 0), "validation": photos(3, 100), "test": photos(2, 200)})
store("tested", picture, {"train": photos(6, 0), "test": photos(2, 200)})
store("whole", picture, {"train": photos(6, 0)})
store("streamed", picture, {"train": photos(6, 0)}, "tfrecord")
store("untrained", picture, {"test": photos(2, 200)})
store("numbers", {"label": np.int64}, {"train": [(0, {"label": 1})]})
"""

READ = """
import sys
from pathlib import Path
from train.data import open_photos, training_batches

if __name__ == "__main__":
    source = open_photos("tfds:both", 2, Path(sys.argv[1])).training
    options = dict(seed=0, batch_size=6, patch_size=16)
    with training_batches(source, **options) as batches:
        threads = next(batches)
    left_open = training_batches(source, workers=1, **options)
    assert (next(left_open) == threads).all()
    assert sorted(threads[:, 0, 0, 2].tolist()) == [0, 1, 2, 3, 4, 5]
    assert "tensorflow" not in sys.modules
"""

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("tensorflow_datasets", "tensorflow")),
    reason="tensorflow-datasets or TensorFlow is not installed",
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets")
    done = subprocess.run(
        [sys.executable, "-c", PREPARE, str(folder)], check=False, timeout=300, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def tags(source):
    return [int(source[index][0, 0, 2]) for index in range(len(source))]


@pytest.mark.parametrize(
    ("name", "training", "validation"),
    [
        ("both", [0, 1, 2, 3, 4, 5], [100, 102]),
        ("tested:1.0.0", [0, 1, 2, 3, 4, 5], [200, 201]),
        ("whole", [1, 2, 3, 4], [0, 5]),
    ],
)
def test_a_dataset_s_own_splits_are_used_as_far_as_it_has_them(data_dir, name, training, validation):
    photos = open_photos(f"tfds:{name}", 2, data_dir)
    assert tags(photos.training) == training
    assert tags(photos.validation) == validation
    assert photos.training[0].shape == (40, 50, 3)


def test_batches_need_no_tensorflow_and_end_with_the_program(data_dir, tmp_path):
    script = tmp_path / "read.py"
    script.write_text(READ)
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, script, data_dir], check=False, timeout=120, capture_output=True, text=True, env=here
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nonsense", "tfds:nonsense: cannot be opened: Dataset nonsense not found"),
        ("both:2.0.0", "tfds:both:2.0.0: cannot be opened"),
        ("not a name", "tfds:not a name: cannot be opened: Parsing builder name string not a name failed"),
        ("clic", r"tfds:clic: is not prepared in .*: run python -c .*builder\('clic', .*download_and_prepare\(\)"),
        ("streamed", r"streamed.* holds it as tfrecord, which cannot be read in any order: .*'array_record'"),
        ("untrained", "tfds:untrained: has no split 'train', only test"),
        ("numbers", "tfds:numbers: holds no pictures of 8 or 16 bits"),
    ],
)
def test_what_cannot_be_opened_is_refused_in_one_line(data_dir, name, message, capfd):
    with pytest.raises(ValueError, match=message) as caught:
        open_photos(f"tfds:{name}", 1, data_dir)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
