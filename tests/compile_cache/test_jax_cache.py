"""The settings of JAX's cache: ours by default, the user's where given."""

import jax
import pytest

from cca_jax.compile_cache import jax_cache

NAMES = (
    "jax_compilation_cache_dir",
    "jax_compilation_cache_max_size",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)


@pytest.fixture
def updates(monkeypatch):
    made = {}
    monkeypatch.setattr(jax.config, "update", made.__setitem__)
    for name in NAMES:
        monkeypatch.delenv(name.upper(), raising=False)
    return made


def test_programs_are_kept_in_a_limited_folder_of_the_users(updates, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax_cache.keep_compiled_programs()
    assert updates.pop("jax_compilation_cache_dir").endswith("cca_jax/programs")
    assert updates == dict(zip(NAMES[1:], (jax_cache.MAX_BYTES, 0.0, -1), strict=True))


def test_a_folder_of_the_users_choice_has_no_limit(updates, monkeypatch, tmp_path):
    monkeypatch.setenv(NAMES[0].upper(), str(tmp_path))
    jax_cache.keep_compiled_programs()
    assert updates == dict(zip(NAMES[2:], (0.0, -1), strict=True))


def test_the_users_variables_stand(updates, monkeypatch, tmp_path):
    for name, value in zip(NAMES, (str(tmp_path), "5", "1.0", "7"), strict=True):
        monkeypatch.setenv(name.upper(), value)
    jax_cache.keep_compiled_programs()
    assert updates == {}


def test_without_a_folder_nothing_is_kept(updates, monkeypatch):
    monkeypatch.setattr(jax_cache, "default_folder", lambda: None)
    jax_cache.keep_compiled_programs()
    assert updates == {}
