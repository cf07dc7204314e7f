"""The settings of JAX's cache: ours by default, the user's where given."""

import logging
import os
import stat

import jax
import pytest

from cca_jax.compile_cache import jax_cache, private_jax

NAMES = (
    "jax_compilation_cache_dir",
    "jax_compilation_cache_max_size",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)


@pytest.fixture
def updates(monkeypatch):
    made = {}
    monkeypatch.setattr(private_jax, "replace_cache", lambda open_cache: True)
    monkeypatch.setattr(jax.config, "update", made.__setitem__)
    for name in NAMES:
        monkeypatch.delenv(name.upper(), raising=False)
    return made


def test_programs_are_kept_in_a_limited_folder_of_the_users(updates, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax_cache.keep_compiled_programs()
    assert updates.pop("jax_compilation_cache_dir").endswith("cca_jax/compiled")
    assert updates == dict(zip(NAMES[1:], (jax_cache.MAX_BYTES, 0.0, -1), strict=True))


def test_a_folder_of_the_users_choice_has_no_limit(updates, monkeypatch, tmp_path):
    monkeypatch.setenv(NAMES[0].upper(), str(tmp_path / "chosen"))
    jax_cache.keep_compiled_programs()
    assert updates == dict(zip(NAMES[2:], (0.0, -1), strict=True))


def test_the_users_variables_stand(updates, monkeypatch, tmp_path):
    for name, value in zip(NAMES, (str(tmp_path), "5", "1.0", "7"), strict=True):
        monkeypatch.setenv(name.upper(), value)
    jax_cache.keep_compiled_programs()
    assert updates == {}


def test_the_users_folders_are_the_users_alone(updates, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = os.umask(0o002)
    try:
        jax_cache.keep_compiled_programs()
    finally:
        os.umask(before)
    for folder in (tmp_path / "cca_jax", tmp_path / "cca_jax" / "compiled"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("named", [True, False])
def test_a_folder_that_others_can_write_to_is_not_used(updates, monkeypatch, tmp_path, named, caplog):
    caplog.set_level(logging.DEBUG, "cca_jax.compile_cache")
    folder = tmp_path / "cca_jax" / "compiled"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    monkeypatch.setenv(*((NAMES[0].upper(), str(folder)) if named else ("XDG_CACHE_HOME", str(tmp_path))))
    jax_cache.keep_compiled_programs()
    assert updates == {NAMES[0]: None}
    assert "others can write to it" in caplog.text


def test_a_folder_elsewhere_is_left_to_jax(updates, monkeypatch):
    monkeypatch.setenv(NAMES[0].upper(), "gs://bucket/programs")
    monkeypatch.setattr(private_jax, "replace_cache", None)
    jax_cache.keep_compiled_programs()
    assert NAMES[0] not in updates


def test_without_a_folder_nothing_is_kept(updates, monkeypatch):
    monkeypatch.setattr(jax_cache, "default_folder", lambda: None)
    jax_cache.keep_compiled_programs()
    assert updates == {}
