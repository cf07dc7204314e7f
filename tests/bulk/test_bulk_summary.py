"""A line for each input, in a file that takes its name in the end."""

import json
import os

import pytest

from cca_jax.bulk.memory import pixels_at_once
from cca_jax.bulk.summary import DONE, FAILED, Summary


def test_the_file_appears_when_the_run_ends(tmp_path):
    path = tmp_path / "summary.jsonl"
    path.write_text("of an earlier run")
    with Summary(str(path)) as summary:
        summary.add("ä.png", "ä.cca", DONE, bytes=3)
        assert path.read_text() == "of an earlier run"
        summary.add("b.png", "b.cca", FAILED, error="why")
    assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == [
        {"input": "ä.png", "output": "ä.cca", "status": "done", "bytes": 3},
        {"input": "b.png", "output": "b.cca", "status": "failed", "error": "why"},
    ]
    assert os.listdir(tmp_path) == ["summary.jsonl"]
    assert str(summary) == "1 done, 1 failed"


def test_an_interrupted_run_has_its_summary_too(tmp_path):
    def run():
        with Summary(str(tmp_path / "s")) as summary:
            summary.add("a", "b", DONE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert len((tmp_path / "s").read_text().splitlines()) == 1


def test_without_a_file_inputs_are_counted():
    with Summary(None) as summary:
        summary.add("a", "b", DONE)
        summary.add("c", "d", DONE)
    assert summary.counts == {DONE: 2}


def test_some_pixels_always_fit():
    assert pixels_at_once() >= 1 << 20
