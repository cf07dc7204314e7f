"""What an actor does with a batch, without a cluster; tests/cluster has the whole."""

import json

import pytest

from cca_jax.bulk.cluster import Actor, Job, RemoteError, _outcome, _row
from cca_jax.bulk.journal import Journal
from cca_jax.bulk.work import Item, settings_digest


class Reversing:
    """Writes what it reads, backwards; refuses what is empty."""

    batch_size = 1
    tell_parts = None

    def fetch(self, item):
        with open(item.source, "rb") as file:
            return file.read()

    def load(self, item, data):
        if not data:
            raise ValueError("is empty")
        return data

    def pixels(self, loaded):
        return len(loaded)

    def group(self, loaded):
        return None

    def code(self, loaded):
        return [data[::-1] for data in loaded]

    def render(self, item, coded):
        return coded, {"bytes": len(coded)}

    def stop(self):
        pass


def describe(error, place):
    return f"{place}: {error}"


@pytest.fixture
def items(tmp_path):
    """Three inputs, of which one is empty and one is not there."""
    (tmp_path / "out").mkdir()
    for name, content in (("a", b"abc"), ("b", b"")):
        (tmp_path / name).write_bytes(content)
    return [Item(str(tmp_path / name), str(tmp_path / "out"), f"deep/{name}.out") for name in "abc"]


def work_through(items, redo=False):
    job = Job(Reversing, settings_digest("reverse", None, {}), redo, (ValueError, OSError), describe)
    journal = Journal(items[0].folder)
    rows = [_row(item, journal.lookup(item.name)) for item in items]
    said = Actor(job, coders=2)({"item": rows})["outcome"]
    return [_outcome(json.loads(one)) for one in said]


def test_an_actor_makes_its_batch_and_keeps_the_journal(items, tmp_path):
    first, empty, missing = work_through(items)
    assert (first.item, first.value.facts, first.value.known) == (items[0], {"bytes": 3}, False)
    assert (tmp_path / "out" / "deep" / "a.out").read_bytes() == b"cba"
    for failed in (empty, missing):
        assert isinstance(failed.error, RemoteError)
        assert str(failed.error).startswith(failed.item.source)
    assert len(Journal(str(tmp_path / "out"))) == 1


def test_what_is_done_is_not_done_again_unless_it_must_be(items, tmp_path):
    work_through(items)
    before = (tmp_path / "out" / "deep" / "a.out").stat().st_mtime_ns
    assert work_through(items)[0].value.known
    assert (tmp_path / "out" / "deep" / "a.out").stat().st_mtime_ns == before
    assert not work_through(items, redo=True)[0].value.known
    (tmp_path / "out" / "deep" / "a.out").write_bytes(b"cut")
    assert not work_through(items)[0].value.known
