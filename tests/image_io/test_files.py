"""Files that appear whole or not at all."""

import os
import stat

import pytest

from cca_jax.image_io.files import find_files, write_atomically


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a"]


def test_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_link_keeps_pointing(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


@pytest.mark.parametrize("failing", ["write", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, failing):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    data = b"new"
    if failing == "write":
        data = "not bytes"
    else:

        def refuse(self, target):
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(type(path), "replace", refuse)
    with pytest.raises((TypeError, PermissionError)) as caught:
        write_atomically(path, data)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
    if failing == "replace":
        assert caught.value.filename == str(path)


def test_a_name_as_long_as_the_file_system_allows(tmp_path):
    path = tmp_path / ("n" * 255)
    write_atomically(path, b"x")
    assert path.read_bytes() == b"x"


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="create it first"):
        write_atomically(tmp_path / "none" / "a", b"")


def test_only_regular_files_are_replaced(tmp_path):
    for path in (tmp_path, os.devnull):
        with pytest.raises(ValueError, match="not a regular file"):
            write_atomically(path, b"")


def test_only_files_of_the_suffixes_are_found(tmp_path):
    for name in ("b.cca", "a.CCA", "c.png"):
        (tmp_path / name).touch()
    assert [path.name for path in find_files([tmp_path], {".cca"})] == ["a.CCA", "b.cca"]
    assert find_files([tmp_path / "missing.xyz"], {".cca"}) == [tmp_path / "missing.xyz"]
