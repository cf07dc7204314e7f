"""Conversions that are killed or meet a full disk: a model's folder is whole or not there."""

import errno
import os
import pathlib

import pytest
from torch_files import zip_file

from cca_jax.bundles.bundle import Bundle, load_bundle, save_bundle
from cca_jax.convert.checkpoint import convert_checkpoint

CONVERTING = """
import sys
from pathlib import Path
from cca_jax.convert.checkpoint import convert_checkpoint

checkpoint, preset, out = sys.argv[1:]
print("ready", flush=True)
for round in range(10_000):
    convert_checkpoint(checkpoint, f"{out}/{round}", preset)
"""


def test_a_killed_conversion_leaves_no_part_of_a_model(arrays, preset, tmp_path, killed):
    (tmp_path / "c.pth").write_bytes(zip_file(arrays))
    killed(CONVERTING, tmp_path / "c.pth", preset, tmp_path / "out", seconds=8)
    made = (
        [path for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")]
        if (tmp_path / "out").exists()
        else []
    )
    for path in made:
        assert load_bundle(path).name == path.name
    convert_checkpoint(tmp_path / "c.pth", tmp_path / "out" / str(len(made)), preset)
    assert load_bundle(tmp_path / "out" / str(len(made))).identity


def test_a_full_disk_is_told_of_the_folder_that_was_asked_for(micro, micro_params, tmp_path, monkeypatch):
    bundle, write = Bundle.build("micro", "", micro, micro_params), pathlib.Path.write_bytes

    def full(self, data):
        write(self, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(pathlib.Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        save_bundle(bundle, tmp_path / "models" / "new", "")
    assert caught.value.filename == str(tmp_path / "models" / "new")
    assert os.listdir(tmp_path / "models") == []
