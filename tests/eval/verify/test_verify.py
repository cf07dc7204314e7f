"""The instrument itself: it finds what is wrong, and says so by its exit status."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from eval.verify import verify
from eval.verify.golden import load_case

SMALL = Path(__file__).parents[2] / "golden" / "small.json"


@pytest.fixture
def case_file(tmp_path):
    shutil.copy(SMALL, tmp_path)
    shutil.copy(SMALL.with_suffix(".npz"), tmp_path)
    return tmp_path / "small.json"


def test_compare_is_relative_to_the_largest_magnitude():
    row = verify.compare("x", [1.0, -100.0], [1.001, -100.0], 2e-5)
    assert row.absolute == pytest.approx(1e-3)
    assert row.relative == pytest.approx(1e-5)
    assert row.passed
    assert not verify.compare("x", [1.0, np.nan], [1.0, 2.0], 1.0).passed
    assert not verify.compare("x", [1.0], [1.0, 2.0], 1.0).passed
    assert verify.compare("x", [0.0], [0.0], 0.0).passed
    assert not verify.compare("x", [1], [2], 0.0).passed


def test_status_1_and_the_word_out_where_a_quantity_is_off(monkeypatch, case_file, capsys):
    rows = [verify.Row("good", 0.0, 0.0, 1e-5), verify.Row("bad", 1.0, 1.0, 1e-5)]
    monkeypatch.setattr(verify, "verify", lambda *_: iter(rows))
    assert verify.main([str(case_file)]) == 1
    out = capsys.readouterr().out
    assert "OUT" in out
    assert "1 of 2 quantities within tolerance" in out
    monkeypatch.setattr(verify, "verify", lambda *_: iter(rows[:1]))
    assert verify.main([str(case_file)]) == 0


def test_changed_weights_are_found_by_their_checksums(case_file):
    facts = json.loads(case_file.read_text())
    facts["seed"] += 1
    case_file.write_text(json.dumps(facts))
    with pytest.raises(ValueError, match="checksum differs"):
        load_case(case_file).params()


def test_a_case_without_a_part_is_named_in_one_line(monkeypatch, case_file, capsys):
    def verify_without(case, precision):
        yield case.facts["eval"]["no such part"]

    monkeypatch.setattr(verify, "verify", verify_without)
    assert verify.main([str(case_file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "lacks 'no such part'" in line


def test_stored_weights_and_drawn_weights_are_the_same_case(case_file):
    drawn = load_case(case_file)
    names = [entry["name"] for entry in drawn.facts["parameters"]]
    weights = {f"w/{entry['name']}": drawn._drawn(entry) for entry in drawn.facts["parameters"]}
    facts = {**drawn.facts, "weights": "stored"}
    case_file.write_text(json.dumps(facts))
    np.savez(case_file.with_suffix(".npz"), **drawn.arrays, **weights)
    stored = load_case(case_file)
    assert len(names) == len(set(names))
    np.testing.assert_array_equal(
        stored.params()["analysis"]["down_0"]["kernel"], drawn.params()["analysis"]["down_0"]["kernel"]
    )


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"config": {}}'])
def test_what_is_no_case_is_one_line_and_status_2(case_file, content, capsys):
    case_file.write_text(content)
    assert verify.main([str(case_file)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is not a verification case" in error


def test_missing_files(tmp_path, case_file, capsys):
    assert verify.main([str(tmp_path / "none.json")]) == 2
    assert verify.main([str(case_file.with_suffix(".npz"))]) == 2
    case_file.with_suffix(".npz").unlink()
    assert verify.main([str(case_file)]) == 2
    assert capsys.readouterr().err.count("\n") == 3
