"""Programs are code: a folder that anybody else can write to is refused, and said at debug level."""

import logging
import os
import stat
import tempfile
from pathlib import Path

import pytest

from cca_jax.compile_cache import folder as folders
from cca_jax.compile_cache.folder import private_folder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.DEBUG, "cca_jax.compile_cache")
    return lambda: " ".join(record.message for record in caplog.records)


def test_a_folder_that_is_made_is_its_users_alone_whatever_the_mask(tmp_path):
    before = os.umask(0)
    try:
        made = private_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert made == (tmp_path / "a" / "b").resolve()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (made, made.parent)} == {0o700}


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755, 0o500])
def test_others_may_read(tmp_path, mode):
    tmp_path.chmod(mode)
    assert private_folder(tmp_path) == tmp_path.resolve()


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o777, 0o1777, 0o702])
@pytest.mark.parametrize("linked", [False, True])
def test_a_folder_that_others_can_write_to_is_refused(tmp_path, mode, linked, told):
    shared, link = tmp_path / "shared", tmp_path / "link"
    shared.mkdir()
    shared.chmod(mode)
    link.symlink_to(shared)
    assert private_folder(link if linked else shared) is None
    assert f"others can write to it (mode {mode:o})" in told()


def test_a_folder_of_somebody_else_is_refused_but_the_administrators_is_not(tmp_path, monkeypatch, told):
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(folders.os, "geteuid", lambda: owner + 1)
    assert (private_folder(tmp_path) is None) == (owner != 0)
    if owner == 0:
        os.chown(tmp_path, 12345, -1)
        assert private_folder(tmp_path) is None
        assert "belongs to user 12345" in told()


@pytest.mark.parametrize("sticky", [False, True])
@pytest.mark.parametrize("linked", [False, True])
def test_where_everybody_can_swap_it_only_the_sticky_bit_helps(tmp_path, sticky, linked, told):
    above = tmp_path / "above"
    (above / "mine").mkdir(parents=True, mode=0o700)
    above.chmod(0o1777 if sticky else 0o777)
    (tmp_path / "link").symlink_to(above / "mine")
    actual = private_folder(tmp_path / "link" if linked else above / "mine")
    assert (actual is not None) == sticky
    assert sticky or "everybody can put another in its place" in told()


def test_the_systems_folder_of_temporary_files_will_do():
    with tempfile.TemporaryDirectory() as name:
        assert private_folder(name) == Path(name).resolve()


def test_what_cannot_be_made_is_refused(tmp_path, told):
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert [private_folder(tmp_path / name) for name in ("file/a", "circle", "circle/a")] == [None] * 3
    assert told().count("no programs are kept there") == 3
