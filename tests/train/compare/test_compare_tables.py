"""The Markdown table and results.json."""

import dataclasses
import re

import pytest

from train.compare.results import Results, RunResult, read_results
from train.compare.tables import markdown, percent

POINTS = [(0.1, 28.0), (0.25, 31.0), (0.5, 34.5), (0.9, 37.0)]


def result(variant, seed, factor, loss=2.0, seconds=0.5):
    rates, psnrs = zip(*((rate * factor, psnr) for rate, psnr in POINTS), strict=True)
    config = {"duration": "100", "batch_size": 8, "patch_size": 256}
    return RunResult(variant, seed, config, None, loss, list(rates), list(psnrs), seconds, "H100", False, 24)


@pytest.fixture
def results():
    runs = [
        result("off", 0, 1.0), result("on", 0, 1.01, 3.0, 0.6), result("off", 1, 1.0), result("on", 1, 1.03, 4.0, 0.6),
    ]  # fmt: skip
    return Results(["off", "on"], [0, 1], runs)


def test_a_row_a_variant_against_the_first(results):
    lines = markdown(results).splitlines()
    assert lines[0].startswith("Each run takes 100 steps of 8 crops of 256²; runs of one seed see the same crops")
    assert "(H100)" in lines[0]
    assert "24 held-out photos" in lines[0]
    assert lines[2] == "| variant | against `off` | 95 % interval | seeds | validation loss | seconds a step |"
    assert lines[4] == "| `off` |  |  | 2 | 2.0000 | 0.5 |"
    # 1 % and 3 %: mean 2, s = √2, so t · s / √2 = 12.706
    assert lines[5] == "| `on` | +2.00 % | −10.71 % to +14.71 % | 2 | 3.5000 | 0.6 (×1.20) |"
    assert all(len(re.findall(r"\|", line)) == 7 for line in lines[2:])


def test_what_is_missing_is_said(results):
    one = dataclasses.replace(results, runs=results.runs[:2])
    assert "| +1.00 % | one seed: unknown | 1 |" in markdown(one)
    none = dataclasses.replace(results, runs=results.runs[1:2])
    assert markdown(none).startswith("No run of the first variant is done.")
    short = dataclasses.replace(results.runs[1], rates=[0.1], psnrs=[28.0])
    assert "| none | the codec has 1 of the 4 points" in markdown(
        dataclasses.replace(one, runs=[results.runs[0], short])
    )
    assert "`on`" not in markdown(dataclasses.replace(results, runs=results.runs[:1]))


def test_other_seeds_of_a_file_do_not_count(results):
    assert "| `on` | +1.00 % | one seed" in markdown(dataclasses.replace(results, seeds=[0]))


def test_a_minus_is_one():
    assert [percent(value) for value in (-1.234, 0.5)] == ["−1.23 %", "+0.50 %"]


def test_results_come_back_as_they_were_saved(results, tmp_path):
    results.save(tmp_path / "new")
    assert read_results(tmp_path / "new") == results


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "variants": [], "seeds": []}'])
def test_other_files_are_refused(tmp_path, text):
    with pytest.raises(ValueError, match="holds no experiment"):
        read_results(tmp_path)
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(ValueError, match="holds no results of an experiment"):
        read_results(tmp_path)
