"""Runs that end too early or meet a full disk: whole files or none, one line each, and the next run does the rest."""

import errno
import io
import os
import pathlib

import numpy as np
import pytest
from PIL import Image

COUNT = 300
PREPARED = """
import sys, zlib
import numpy as np
from cca_jax.cli import main
from cca_jax.cli.library import codecs

class Codec:
    name, identity, batch_size = "slow", b"slowslow", 1
    def batch_group(self, *_):
        return None
    def compress(self, image, quality=None, **options):
        return np.random.default_rng(int(image[0, 0, 0]) + 256 * int(image[0, 0, 1])).bytes(1_000_000)

codecs.load_codec = lambda *_: Codec()
print("ready", flush=True)
sys.exit(main.main(["compress", *sys.argv[1:]]))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    for i in range(COUNT):
        Image.new("RGB", (1, 1), (i % 256, i // 256, 0)).save(tmp_path / "photos" / f"{i:03}.png")
    return tmp_path


def outputs(folder):
    """What is not hidden: a journal is, and so are parts that a killed process left."""
    return sorted(path.name for path in folder.glob("[!.]*"))


def slow_file(name):
    return np.random.default_rng(int(name.removesuffix(".cca"))).bytes(1_000_000)


def test_a_killed_run_leaves_whole_files_and_the_next_one_does_the_rest(folder, killed, run):
    for _ in range(3):
        killed(PREPARED, folder / "photos", "-o", folder / "out", seconds=0.4)
        for name in outputs(folder / "out"):
            assert (folder / "out" / name).read_bytes() == slow_file(name)
    kept = outputs(folder / "out")
    assert run("compress", folder / "photos", "-o", folder / "out")[0] == 0
    assert len(kept) < len(outputs(folder / "out")) == COUNT
    for name in outputs(folder / "out"):
        content = (folder / "out" / name).read_bytes()
        assert content.startswith(b"CCA") or content == slow_file(name)


def fail_to_write(monkeypatch, size, kind):
    """Makes the system refuse files of that many bytes."""
    opened = pathlib.Path.open

    class Refusing(io.FileIO):
        def write(self, data):
            if len(data) == size:
                raise OSError(kind, os.strerror(kind))
            return super().write(data)

    def open_file(self, mode="r", *rest, **named):
        return Refusing(self, "x") if mode == "xb" else opened(self, mode, *rest, **named)

    monkeypatch.setattr(pathlib.Path, "open", open_file)


@pytest.mark.parametrize("kind", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_a_full_disk_fails_one_image_in_one_line(run, photo, tmp_path, monkeypatch, kind):
    paths = [photo("a.png", seed=1), photo("b.png", (30, 20, 3), seed=2), photo("c.png", seed=3)]
    assert run("compress", paths[1], "-o", tmp_path / "x.cca")[0] == 0
    fail_to_write(monkeypatch, (tmp_path / "x.cca").stat().st_size, kind)
    status, out, err = run("compress", *paths, "-o", tmp_path / "out")
    assert status == 2
    assert [line.split()[0] for line in out.splitlines()] == ["a.cca", "c.cca"]
    assert err == f"cca-jax: {paths[1]}: {tmp_path / 'out' / 'b.cca'}: {os.strerror(kind)}\n"
    assert outputs(tmp_path / "out") == ["a.cca", "c.cca"]


@pytest.mark.parametrize("error", [MemoryError(), MemoryError("RESOURCE_EXHAUSTED: 12 GB")])
def test_too_little_memory_fails_one_image_in_one_line(run, fake_codec, photo, tmp_path, monkeypatch, error):
    paths = [photo("a.png", seed=1), photo("b.png", (30, 20, 3), seed=2), photo("c.png", seed=3)]
    compress = fake_codec.compress

    def starved(self, image, *arguments, **named):
        if image.size[0] == 30:
            raise error
        return compress(self, image, *arguments, **named)

    monkeypatch.setattr(fake_codec, "compress", starved)
    status, out, err = run("compress", *paths, "-o", tmp_path / "out")
    assert (status, len(out.splitlines())) == (2, 2)
    assert err.startswith(f"cca-jax: {paths[1]}: there is not enough memory")
    assert err.count("\n") == 1
    assert outputs(tmp_path / "out") == ["a.cca", "c.cca"]


def test_an_input_that_vanishes_fails_alone(run, fake_codec, photo, tmp_path, monkeypatch):
    paths = [photo(f"{name}.png", seed=ord(name)) for name in "abc"]
    compress = fake_codec.compress

    def vanishing(self, *arguments, **named):
        pathlib.Path(paths[1]).unlink(missing_ok=True)
        return compress(self, *arguments, **named)

    monkeypatch.setattr(fake_codec, "compress", vanishing)
    status, out, err = run("compress", *paths, "-o", tmp_path / "out", "--workers", "0")
    assert (status, len(out.splitlines())) == (2, 2)
    assert err == f"cca-jax: {paths[1]}: cannot be read: No such file or directory\n"
    assert outputs(tmp_path / "out") == ["a.cca", "c.cca"]


def test_a_folder_that_cannot_be_made_is_one_line(run, photo, tmp_path):
    (tmp_path / "file").touch()
    status, out, err = run("compress", photo("a.png"), photo("b.png"), "-o", tmp_path / "file" / "out")
    assert (status, out, err.count("\n")) == (2, "", 1)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="who may do anything writes there")
def test_a_folder_that_cannot_be_written_is_one_line(run, photo, tmp_path):
    (tmp_path / "shut").mkdir(mode=0o500)
    status, out, err = run("compress", photo(), "-o", tmp_path / "shut" / "a.cca")
    assert (status, out) == (2, "")
    assert "Permission denied" in err
