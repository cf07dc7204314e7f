"""JAX's own cache is mended or replaced, and where a version lacks what we know of it, less is done."""

import filelock
import jax
import numpy as np
import pytest
from jax._src import compilation_cache
from jax._src.lru_cache import LRUCache

from cca_jax.compile_cache import private_jax
from cca_jax.compile_cache.store import ProgramStore

WHOLE = compilation_cache.compress_executable(b"program" * 100)


@pytest.fixture
def lru(tmp_path):
    cache = LRUCache(str(tmp_path), max_size=100_000)
    cache.put("before", WHOLE)
    return cache


def test_a_process_killed_between_the_two_writes_of_an_entry_stops_jax_no_longer(lru, tmp_path):
    (tmp_path / "whole-cache").write_bytes(WHOLE)
    (tmp_path / "half-cache").write_bytes(WHOLE[:-20])
    (tmp_path / "empty-cache").touch()
    private_jax.mend_own_cache(tmp_path)
    lru.put("after", WHOLE)
    assert {key: lru.get(key) is not None for key in ("before", "whole", "half", "empty", "after")} == {
        "before": True, "whole": True, "half": False, "empty": False, "after": True,
    }  # fmt: skip


def test_the_least_recently_used_still_gives_way(tmp_path):
    (tmp_path / "old-cache").write_bytes(WHOLE)
    private_jax.mend_own_cache(tmp_path)
    cache = LRUCache(str(tmp_path), max_size=2 * len(WHOLE))
    cache.put("a", WHOLE)
    cache.put("b", WHOLE)
    assert [cache.get(key) is not None for key in ("old", "a", "b")] == [False, True, True]


def test_what_is_being_written_is_left_alone(lru, tmp_path):
    (tmp_path / "half-cache").write_bytes(WHOLE)
    with filelock.FileLock(tmp_path / ".lockfile"):
        private_jax.mend_own_cache(tmp_path)
    assert (tmp_path / "half-cache").exists()
    assert not (tmp_path / "half-atime").exists()


@pytest.fixture
def replaced(monkeypatch):
    """JAX's way to open its cache, put back afterwards."""
    monkeypatch.setattr(compilation_cache, "get_file_cache", compilation_cache.get_file_cache)
    before = {name: getattr(jax.config, name) for name in NAMES}
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    jax.clear_caches()


NAMES = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs",
         "jax_persistent_cache_min_entry_size_bytes")  # fmt: skip


def compile_one():
    jax.clear_caches()
    return np.asarray(jax.jit(lambda x: 3 * x + 0.125)(np.float32(5)))


def test_jax_keeps_its_programs_in_ours_and_finds_them_there(replaced, tmp_path, recwarn):
    stores = []

    def open_cache():
        stores.append(ProgramStore(tmp_path, -1))
        return stores[-1]

    assert private_jax.replace_cache(open_cache)
    for name, value in zip(NAMES, (str(tmp_path), 0.0, -1), strict=True):
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    hits = []
    private_jax.call_on_cache_hits(lambda: hits.append(1))
    assert compile_one() == 15.125
    kept = list(tmp_path.iterdir())
    assert kept
    assert {path.suffix for path in kept} == {".program"}
    assert not hits
    assert compile_one() == 15.125
    assert hits
    for path in kept:  # cut off: JAX itself would read them, warn and compile, each time anew
        path.write_bytes(path.read_bytes()[:-9])
    hits.clear()
    assert compile_one() == 15.125
    assert not hits
    assert compile_one() == 15.125
    assert hits
    assert len(stores) == 1
    assert not recwarn.list


def test_without_a_cache_of_ours_jax_has_none(replaced, tmp_path):
    private_jax.replace_cache(lambda: None)
    for name, value in zip(NAMES, (str(tmp_path), 0.0, -1), strict=True):
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    assert compile_one() == 15.125
    assert not list(tmp_path.iterdir())


def test_a_jax_that_lacks_all_of_it_does_less(monkeypatch, tmp_path):
    monkeypatch.setattr(private_jax, "_private", lambda *_: None)
    (tmp_path / "half-cache").write_bytes(WHOLE)
    private_jax.mend_own_cache(tmp_path)
    assert not list(tmp_path.glob("*-cache"))
    assert not private_jax.replace_cache(lambda: None)
    with private_jax.keeping_nothing():
        pass


def test_a_program_that_cannot_be_serialized_is_not_kept(monkeypatch):
    def refuse(*_):
        raise ValueError("Compilation does not support serialization")

    monkeypatch.setattr(private_jax.serialize_executable, "serialize", refuse)
    assert private_jax.serialize(object()) is None


def test_settings_that_cannot_be_read_are_none(monkeypatch):
    class Other:
        values = property(lambda self: None)

    monkeypatch.setattr(private_jax.jax, "config", Other())
    assert private_jax.settings() is None
