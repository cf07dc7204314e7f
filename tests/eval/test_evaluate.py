"""`python -m eval` from its command line: a report, its continuation, and every refusal in one line."""

import json

import jsonschema
import pytest
from PIL import Image

from eval.__main__ import main
from eval.codecs.ours import SINGLE_RATE
from eval.results.results import SCHEMA_FILE, Results
from eval.runner.store import Cache


@pytest.fixture
def model(monkeypatch, tmp_path, counting_codec):
    """Stands for the models, and keeps the cache in the test's folder."""
    codec = counting_codec("lite", "ours", (5.0,))
    monkeypatch.setattr("eval.evaluate.our_codecs", lambda models, qualities, efforts: [codec])
    monkeypatch.setattr("eval.evaluate.user_cache", lambda: Cache(tmp_path / "cache"))
    return codec


@pytest.fixture
def go(photos, tmp_path, capsys):
    def start(*arguments, data=None):
        try:
            status = main(["--data", data or str(photos), "--out", str(tmp_path / "out"), *arguments])
        except SystemExit as error:
            status = error.code
        return status, capsys.readouterr()

    return start


def test_a_report_and_its_continuation(model, go, tmp_path):
    status, printed = go("--codecs", "jpeg", "--estimate", "--pictures", "0")
    assert status == 0
    results = Results.from_json((tmp_path / "out" / "results.json").read_bytes())
    jsonschema.validate(json.loads(results.to_json()), json.loads(SCHEMA_FILE.read_text()))
    assert (results.data.name, results.data.count, results.failures) == ("photos", 2, ())
    assert [codec.name for codec in results.codecs] == ["lite", "JPEG"]
    assert len(results.records) == 2 * (1 + len(results.codecs[1].settings))
    assert {(mean.count, mean.count_ms_ssim) for mean in results.means} == {(2, 0)}
    assert "MS-SSIM is of 0 of 2 images" in printed.out
    assert results.means[0].estimated_bits_per_pixel is not None
    assert {record.anchor for record in results.bd} == {"lite", "JPEG"}
    table = (tmp_path / "out" / "results.csv").read_text().splitlines()
    assert len(table) == 1 + len(results.records)
    assert (tmp_path / "out" / "report.html").stat().st_size > 1000
    model.encoded.clear()
    assert go("--codecs", "jpeg", "--estimate", "--pictures", "0")[0] == 0
    assert model.encoded == []
    assert Results.from_json((tmp_path / "out" / "results.json").read_bytes()).records == results.records


def test_broken_images_are_an_exit_status(model, go, photos, tmp_path):
    Image.new("RGB", (8, 8)).save(photos / "black.png")
    (photos / "bad.png").write_text("no picture")
    status, printed = go("--codecs", "none", "--pictures", "0")
    assert status == 1
    assert len(printed.err.splitlines()) == 2
    results = Results.from_json((tmp_path / "out" / "results.json").read_bytes())
    assert [(failure.image, failure.codec) for failure in results.failures] == [
        ("bad.png", None),
        ("black.png", "lite"),
    ]
    assert results.data.count == 4
    assert results.means[0].count == 2


def test_where_nothing_can_be_measured_there_is_no_report(model, go, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "bad.png").write_text("no picture")
    status, printed = go(data=str(tmp_path / "bad"))
    assert status == 2
    assert len(printed.err.splitlines()) == 2
    assert not list((tmp_path / "out").iterdir())


def test_an_interruption_says_how_to_go_on(model, go, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "encode", stop)
    status, printed = go("--codecs", "none")
    assert status == 130
    assert "the same command continues" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "no such folder"),
        (["--codecs", "gif"], "unknown codec 'gif'"),
        (["--codecs", "jpeg,all"], "alone"),
        (["--codecs", ","], "names nothing"),
        (["--pictures", "-1"], "no whole number from 0"),
        (["--quality", "high"], "invalid float"),
        (["--model", "nothing"], "no model 'nothing'"),
        (["--model", "starter", "--quality", "30"], "single rate"),
        (["--quality", "30", "101"], "from 1 to 100, got 101"),
        (["--quality", "nan"], "from 1 to 100, got nan"),
        (["--slow"], "unrecognized"),
    ],
)
def test_a_mistake_is_answered_in_one_line(go, tmp_path, arguments, message):
    status, printed = go(*arguments)
    assert status == 2
    (line,) = printed.err.splitlines()
    assert message in line
    assert printed.out == ""
    assert not (tmp_path / "out").exists()


def test_a_report_among_the_images_is_refused(go, photos):
    status, printed = go("--out", str(photos / "deep" / "report"))
    assert (status, len(printed.err.splitlines())) == (2, 1)
    assert "measured next time" in printed.err
    assert not (photos / "deep").exists()


def test_a_codec_that_cannot_run_is_refused_by_name_and_left_out_of_all(model, go, monkeypatch):
    monkeypatch.setenv("PATH", "")
    status, printed = go("--codecs", "vtm")
    assert (status, len(printed.err.splitlines())) == (2, 1)
    monkeypatch.setattr("eval.evaluate.available_codecs", list)
    status, printed = go("--codecs", "all", "--pictures", "0")
    assert status == 0
    assert any("without vtm" in line for line in printed.err.splitlines())


def test_a_model_must_not_have_another_codecs_name(model, go):
    model.name, model.settings = "JPEG", SINGLE_RATE
    status, printed = go("--codecs", "jpeg")
    assert (status, len(printed.err.splitlines())) == (2, 1)


def test_further_measures_are_in_records_means_and_tables(model, go, tmp_path):
    status, printed = go("--codecs", "jpeg", "--pictures", "0", "--metrics", "psnr,psnr-hvs-m,vmaf", "--no-cache")
    assert status == 0
    assert "PSNR-HVS-M" in printed.out
    results = Results.from_json((tmp_path / "out" / "results.json").read_bytes())
    jsonschema.validate(json.loads(results.to_json()), json.loads(SCHEMA_FILE.read_text()))
    assert results.metrics == ("psnr-hvs-m", "vmaf")
    assert all(record.metrics["psnr-hvs-m"] > 15 for record in results.records)
    assert all(record.metrics["vmaf"] is None for record in results.records)  # 12 and 9 pixels high
    ours = [record.metrics["psnr-hvs-m"] for record in results.records if record.codec == "lite"]
    assert results.means[0].metrics["psnr-hvs-m"] == pytest.approx(sum(ours) / 2)
    assert results.versions["vmaf"].startswith("vmaf_v0.6.1")
    assert "metrics.psnr-hvs-m" in (tmp_path / "out" / "results.csv").read_text().splitlines()[0]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "BD-rate by PSNR-HVS-M" in page
    assert (tmp_path / "out" / "plots" / "rd_psnr_hvs_m.svg").exists()
    assert not (tmp_path / "out" / "plots" / "rd_vmaf.svg").exists()  # no point to draw
    # Other measures are other measurements.
    model.encoded.clear()
    assert go("--codecs", "none", "--pictures", "0")[0] == 0
    assert model.encoded


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [("vmaf,lpips", "there is no measure 'lpips'"), ("all,vmaf", "is neither names"), ("butteraugli", "on the PATH")],
)
def test_measures_that_cannot_be_made(model, go, tmp_path, monkeypatch, metrics, reason):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, printed = go("--metrics", metrics)
    assert status == 2
    assert reason in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_all_measures_are_those_that_run_here(model, go, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, printed = go("--codecs", "none", "--pictures", "0", "--metrics", "all")
    assert status == 0
    assert "warning: without ssimulacra2: needs the program" in printed.err
    results = Results.from_json((tmp_path / "out" / "results.json").read_bytes())
    assert results.metrics == ("psnr-hvs", "psnr-hvs-m", "vmaf")
