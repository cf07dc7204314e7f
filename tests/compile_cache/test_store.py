"""What is kept is found, whole or not at all, within the limit that JAX's cache has."""

import filelock
import jax
import pytest

from cca_jax.compile_cache import store as program_store
from cca_jax.compile_cache.store import ProgramStore, open_store

SETTINGS = ("jax_compilation_cache_dir", "jax_enable_compilation_cache", "jax_compilation_cache_max_size")


@pytest.fixture
def store(tmp_path):
    return ProgramStore(str(tmp_path), -1)


@pytest.fixture
def settings():
    before = {name: getattr(jax.config, name) for name in SETTINGS}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_what_was_put_is_found(store):
    assert store.get("a") is None
    store.put("a", b"program")
    assert store.get("a") == b"program"
    store.remove("a")
    store.remove("a")
    assert store.get("a") is None


@pytest.mark.parametrize("damage", ["flip", "cut", "foreign"])
def test_a_damaged_entry_is_none_and_can_be_written_again(store, tmp_path, damage):
    store.put("a", b"program")
    store.put("b", b"another")
    path = tmp_path / "a-cache"
    data = path.read_bytes()
    damaged = {"flip": data[:-1] + b"\0", "cut": data[:10], "foreign": (tmp_path / "b-cache").read_bytes()}
    path.write_bytes(damaged[damage])
    assert store.get("a") is None
    store.put("a", b"program")
    assert store.get("a") == b"program"


def test_the_least_recently_used_gives_way(tmp_path):
    store = ProgramStore(str(tmp_path), 1000)
    for key in ("a", "b"):
        store.put(key, bytes(400))
    assert store.get("a") == bytes(400)
    store.put("c", bytes(400))
    assert [store.get(key) is not None for key in "abc"] == [True, False, True]
    assert sum(path.stat().st_size for path in tmp_path.glob("*-cache")) <= 1000


@pytest.mark.usefixtures("settings")
def test_jax_settings_rule(tmp_path):
    jax.config.update(SETTINGS[0], str(tmp_path / "here"))
    open_store().put("a", b"program")
    assert (tmp_path / "here" / "a-cache").exists()
    jax.config.update(SETTINGS[1], False)
    assert open_store() is None
    jax.config.update(SETTINGS[1], True)
    jax.config.update(SETTINGS[0], None)
    assert open_store() is None


def test_who_holds_the_lock_is_not_waited_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(program_store, "_LOCK_SECONDS", 0.01)
    store = ProgramStore(str(tmp_path), 1_000_000)
    store.put("a", b"x")
    with filelock.FileLock(tmp_path / ".lockfile"):
        assert store.get("a") is None
        store.put("b", b"y")
    assert store.get("a") == b"x"
    assert store.get("b") is None


@pytest.mark.usefixtures("settings")
def test_a_folder_that_cannot_be_is_no_error(tmp_path):
    (tmp_path / "file").touch()
    jax.config.update(SETTINGS[0], str(tmp_path / "file"))
    assert open_store() is None
