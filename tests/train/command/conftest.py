"""A folder for runs of the command, and one whole run."""

import dataclasses
import json

import numpy as np
import pytest
from train_command import arguments, finish, start

from cca_jax.image_io.images import write_image


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory, micro, micro_lite):
    """Photos and the micro configurations as files."""
    folder = tmp_path_factory.mktemp("train")
    (folder / "photos").mkdir()
    for tag in range(9):
        rows, columns = np.mgrid[:80, : 70 + tag]
        waves = [128 + 100 * np.sin(rows / (5 + c + tag) + columns / (9 + 2 * c)) for c in range(3)]
        write_image(folder / "photos" / f"{tag}.png", np.stack(waves, axis=-1).astype(np.uint8))
    (folder / "micro.json").write_text(json.dumps(dataclasses.asdict(micro)))
    (folder / "micro_lite.json").write_text(json.dumps(dataclasses.asdict(micro_lite)))
    return folder


@pytest.fixture(scope="session")
def whole_run(run_folder):
    """An uninterrupted run on one device, and what it told."""
    messages, problems = finish(start(arguments(run_folder, run_folder / "whole")))
    assert problems == ""
    return run_folder / "whole", messages
