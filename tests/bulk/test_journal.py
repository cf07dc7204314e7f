"""What counts as done: the same input, the same work, and an output that is still what was written."""

import json
import os

import pytest

from cca_jax.bulk.journal import FOLDER, Journal, Record, Stamp
from cca_jax.bulk.storage import stores
from cca_jax.bulk.work import settings_digest


@pytest.fixture
def done(tmp_path):
    """An input and its output, of which the journal in `out` knows."""
    source, target = tmp_path / "photo.png", tmp_path / "out" / "photo.cca"
    target.parent.mkdir()
    source.write_bytes(b"photo")
    target.write_bytes(b"file")
    record = Record(
        "photo.cca", "work", Stamp.of(str(source), b"photo"), Stamp.of(str(target), b"file"), {"bytes": 4, "bpp": 0.5}
    )
    Journal(str(target.parent)).put([record])
    return source, target


def found(source, target, work="work"):
    record = Journal(str(target.parent)).lookup(target.name)
    return record if record is not None and record.holds(str(target.parent), work, str(source)) else None


def test_what_was_put_is_found(done):
    record = found(*done)
    assert record.facts == {"bytes": 4, "bpp": 0.5}
    assert record.work == "work"


def test_other_work_was_not_done(done):
    assert found(*done, work="other") is None


def test_times_do_not_matter_where_the_content_is_the_same(done):
    for path in done:
        os.utime(path, ns=(1, 1))
    assert found(*done) is not None


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("content", [b"other", b"PHOTO", b"FILE", b"", None])
def test_another_input_or_output_is_noticed(done, which, content):
    path = done[which]
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
        os.utime(path, ns=(1, 1))
    assert found(*done) is None


def test_a_torn_line_counts_as_not_there(done):
    source, target = done
    (file,) = (target.parent / FOLDER).iterdir()
    whole = file.read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 2):
        file.write_bytes(whole[:cut])
        assert found(source, target) is None
    file.write_bytes(b"{]\n[]\n7\n" + whole)
    assert found(source, target) is not None


def test_the_last_record_of_an_output_counts(done):
    source, target = done
    journal = Journal(str(target.parent))
    record = journal.lookup(target.name)
    target.write_bytes(b"again")
    journal.put([Record("photo.cca", "work", record.source, Stamp.of(str(target), b"again"), {"bytes": 5})])
    assert found(source, target).facts == {"bytes": 5}


def test_each_process_has_a_file_of_its_own(done):
    _, target = done
    first, second = Journal(str(target.parent)), Journal(str(target.parent))
    record = first.lookup(target.name)
    first.put([record])
    second.put([record])
    names = os.listdir(target.parent / FOLDER)
    assert len(names) == 3
    for name in names:
        assert json.loads((target.parent / FOLDER / name).read_text())["output"] == "photo.cca"


def test_settings_are_told_apart():
    options = {"quality": 50.0, "tile": None}
    digests = {
        settings_digest("compress", b"model", options),
        settings_digest("decompress", b"model", options),
        settings_digest("compress", b"other", options),
        settings_digest("compress", None, options),
        settings_digest("compress", b"model", {**options, "quality": 51.0}),
        settings_digest("compress", b"model", {**options, "new": True}),
    }
    assert len(digests) == 6
    assert settings_digest("compress", b"model", dict(reversed(options.items()))) in digests


def test_a_place_that_is_not_there_has_no_state(tmp_path):
    assert stores.state(str(tmp_path / "none")) is None
    assert stores.state(str(tmp_path / "none" / "deeper")) is None
