"""What is kept is found, whole or not at all, within its limit, whatever happens to the process or the disk."""

import errno
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from cca_jax.compile_cache import store as program_store
from cca_jax.compile_cache.store import ProgramStore, open_store

SETTINGS = ("jax_compilation_cache_dir", "jax_enable_compilation_cache", "jax_compilation_cache_max_size")


@pytest.fixture
def store(tmp_path):
    return ProgramStore(tmp_path, -1)


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


@pytest.mark.parametrize("damage", ["flip", "cut", "cut short", "empty", "foreign"])
def test_a_damaged_entry_is_removed_and_can_be_written_again(store, tmp_path, damage):
    store.put("a", b"program")
    store.put("b", b"another")
    path = tmp_path / "a.program"
    data, other = path.read_bytes(), (tmp_path / "b.program").read_bytes()
    damaged = {"flip": data[:-1] + b"\0", "cut": data[:-1], "cut short": data[:10], "empty": b"", "foreign": other}
    path.write_bytes(damaged[damage])
    assert store.get("a") is None
    assert not path.exists()
    store.put("a", b"program")
    assert store.get("a") == b"program"


def test_the_least_recently_used_gives_way(tmp_path):
    store = ProgramStore(tmp_path, 1000)
    for age, key in ((30, "a"), (20, "b")):
        store.put(key, bytes(400))
        os.utime(tmp_path / f"{key}.program", (time.time() - age,) * 2)
    assert store.get("a") == bytes(400)
    store.put("c", bytes(400))
    assert [store.get(key) is not None for key in "abc"] == [True, False, True]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1000


@pytest.mark.parametrize("limit", [0, 10])
def test_what_is_over_the_limit_costs_no_other_its_place(tmp_path, limit):
    ProgramStore(tmp_path, -1).put("a", b"program")
    ProgramStore(tmp_path, limit).put("b", bytes(400))
    assert [path.name for path in tmp_path.iterdir()] == ["a.program"]


def fill_the_disk(monkeypatch):
    class Full:
        def __init__(self, *arguments):
            self.file = open(*arguments)  # noqa: SIM115

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def write(self, data):
            self.file.write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(program_store, "open", Full, raising=False)


def test_a_full_disk_leaves_nothing_behind_and_is_said_quietly(store, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG, "cca_jax.compile_cache")
    store.put("a", b"program")
    with monkeypatch.context() as full:
        fill_the_disk(full)
        store.put("b", b"another")
    assert [path.name for path in tmp_path.iterdir()] == ["a.program"]
    assert [(record.levelname, "No space left" in record.message) for record in caplog.records] == [("DEBUG", True)]
    store.put("b", b"another")
    assert store.get("b") == b"another"


@pytest.mark.parametrize("function", ["replace", "utime", "scandir"])
def test_what_the_disk_refuses_is_no_error(store, monkeypatch, function):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    store.put("a", b"program")
    monkeypatch.setattr(program_store.os, function, refuse)
    assert store.get("a") == b"program"
    store.put("b", b"another")


def test_keys_that_no_file_can_have_are_no_error(store):
    for key in ("a" * 5000, "a\0b", "no/such/folder"):
        store.put(key, b"program")
        assert store.get(key) is None
        store.remove(key)


KILLED = """
import os, sys
from pathlib import Path
from cca_jax.compile_cache import store
store.os.replace = lambda *_: os.kill(os.getpid(), 9)
store.ProgramStore(Path(sys.argv[1]), 1000).put("a", b"program")
"""


def test_a_process_that_is_killed_while_it_writes_leaves_the_next_no_worse(tmp_path):
    ran = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert ran.returncode == -9
    (part,) = tmp_path.iterdir()
    store = ProgramStore(tmp_path, 1000)
    assert store.get("a") is None
    store.put("a", b"program")
    assert store.get("a") == b"program"
    assert part.exists()  # it might be another process's
    os.utime(part, (time.time() - 4000,) * 2)
    store.put("b", b"another")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.program", "b.program"]


MANY = """
import sys
from pathlib import Path
from cca_jax.compile_cache.store import ProgramStore
store = ProgramStore(Path(sys.argv[1]), 3000)
for turn in range(200):
    key = str(turn % 7)
    found = store.get(key)
    assert found in (None, key.encode() * 500), found
    store.put(key, key.encode() * 500)
"""


def test_processes_that_write_at_once_find_whole_entries(tmp_path):
    processes = [
        subprocess.Popen([sys.executable, "-c", MANY, str(tmp_path)], stderr=subprocess.PIPE) for _ in range(3)
    ]
    assert [process.communicate(timeout=120)[1] for process in processes] == [b""] * 3
    assert all(path.suffix == ".program" for path in tmp_path.iterdir())


@pytest.mark.usefixtures("settings")
def test_jax_settings_rule(tmp_path):
    jax.config.update(SETTINGS[0], str(tmp_path / "here" / "there"))
    open_store().put("a", b"program")
    assert (tmp_path / "here" / "there" / "a.program").exists()
    jax.config.update(SETTINGS[2], 10)
    open_store().put("b", bytes(400))
    assert open_store().get("b") is None
    jax.config.update(SETTINGS[1], False)
    assert open_store() is None
    jax.config.update(SETTINGS[1], True)
    for folder in (None, "gs://bucket/programs"):
        jax.config.update(SETTINGS[0], folder)
        assert open_store() is None


@pytest.mark.usefixtures("settings")
def test_a_folder_that_cannot_be_or_that_others_can_write_to_is_no_store(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    for name in ("file", "file/below", "shared"):
        jax.config.update(SETTINGS[0], str(Path(tmp_path, name)))
        assert open_store() is None


KEEPING = """
import sys, numpy as np
from pathlib import Path
from cca_jax.compile_cache.store import ProgramStore

store = ProgramStore(Path(sys.argv[1]), 1 << 26)
print("ready", flush=True)
for round in range(10_000):
    store.put(f"key {round % 20}", np.random.default_rng(round % 20).bytes(3_000_000))
"""


def test_a_process_killed_while_it_keeps_programs_leaves_whole_ones(tmp_path, killed):
    for _ in range(3):
        killed(KEEPING, tmp_path)
        store = ProgramStore(tmp_path, 1 << 26)
        kept = {number: store.get(f"key {number}") for number in range(20)}
        assert all(content in (None, np.random.default_rng(n).bytes(3_000_000)) for n, content in kept.items())
        store.put("another", b"program")
        assert store.get("another") == b"program"
