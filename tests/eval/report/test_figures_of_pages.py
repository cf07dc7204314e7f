"""Tables of pages made from results, and the command that renews them."""

import json
from types import SimpleNamespace

import pytest

from eval.report import __main__ as command
from eval.report.figures_of_pages import renew
from eval.results.results import BdRecord

PAGE = "# Title\n\n<!-- figures: {} -->\nold\n<!-- end of figures -->\n\nend\n"
MODEL = SimpleNamespace(
    name="ours",
    bytes=7_600_000,
    parameters=3_700_000,
    cost=SimpleNamespace(encode=18.4, decode=18.0),
    identity=bytes(8),
    card=None,
)
BENCH = {
    "machine": {"cores": 2, "cpu": "a processor", "device": "cpu"},
    "codec": {"ours": {"768×512": {"compress": {"median": 0.158}, "decompress": {"median": 0.164}}}},
}


@pytest.fixture
def compared(results):
    deltas = {"VTM-9.1": 74.2, "JPEG": -45.4, "some other": 3.0}
    bd = [
        BdRecord(anchor=anchor, codec="ours", metric="psnr", bd_rate_percent=delta, overlap=(25.0, 33.3))
        for anchor, delta in deltas.items()
    ]
    bd.append(BdRecord(anchor="WebP", codec="ours", metric="psnr", reason="no overlap"))
    return results.model_copy(update={"bd": tuple(bd), "published": ("VTM-9.1",)})


def test_a_comparison_is_ordered_and_says_whose_curves(compared):
    page = renew(PAGE.format("comparison"), compared, MODEL)
    assert page.splitlines()[4:8] == [
        "| compared with | rate of ours at equal PSNR | over | their curve is |",
        "| --- | --- | --- | --- |",
        "| JPEG | −45 % | 25.0 to 33.3 dB | measured here |",
        "| VTM 9.1 | +74 % | 25.0 to 33.3 dB | published |",
    ]
    assert "\n\nAt equal PSNR `ours` needs fewer bits than JPEG, and more than VTM 9.1.\n" in page
    assert page.startswith("# Title\n\n<!-- figures: comparison -->\n\n")
    assert page.endswith("\n\n<!-- end of figures -->\n\nend\n")


def test_renewing_twice_changes_nothing_more(compared):
    page = renew(PAGE.format("rates"), compared, MODEL)
    assert renew(page, compared, MODEL) == page
    assert "| 0 | 0.500 | 31.00 | 0.900 |" in page


def test_the_essentials_of_a_model(compared):
    page = renew(PAGE.format("essentials"), compared, MODEL)
    assert "| weights | 7.6 MB, 3.7 million parameters |" in page
    assert "| arithmetic | 18 kMAC a pixel to compress, 18 to decompress |" in page


def test_speed_comes_from_a_benchmark_or_stays(compared):
    assert renew(PAGE.format("speed"), compared, MODEL) == PAGE.format("speed")
    page = renew(PAGE.format("speed"), compared, MODEL, BENCH)
    assert "| 2 cores, a processor | compress, s | decompress, s |" in page
    assert "| 768×512 pixels | 0.16 | 0.16 |" in page
    with pytest.raises(ValueError, match="no times of ours"):
        renew(PAGE.format("speed"), compared, MODEL, {**BENCH, "codec": {}})


@pytest.mark.parametrize(("page", "message"), [("# Title\n", "no figures to renew"), (PAGE.format("x"), "figures 'x'")])
def test_a_page_without_known_figures_is_refused(compared, page, message):
    with pytest.raises(ValueError, match=message):
        renew(page, compared, MODEL)


def test_results_of_other_weights_are_refused(compared, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "summarize_model", lambda name: MODEL)
    (tmp_path / "results.json").write_text(compared.to_json())
    page = tmp_path / "page.md"
    page.write_text(PAGE.format("rates"))
    arguments = [str(tmp_path / "results.json"), "--pages", str(page), "--plot", str(tmp_path / "plot.svg")]
    assert command.main(arguments) == 2
    assert "but 0000000000000000 is installed" in capsys.readouterr().err
    assert page.read_text() == PAGE.format("rates")


def test_the_command_writes_the_plot_and_renews_pages(compared, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "summarize_model", lambda name: MODEL)
    monkeypatch.setattr(command, "overview_plot", lambda results, published: b"<svg/>")
    ours, other = compared.codecs
    codecs = (ours.model_copy(update={"version": "model 0000000000000000"}), other)
    results, bench, page = (tmp_path / name for name in ("results.json", "bench.json", "page.md"))
    results.write_text(compared.model_copy(update={"codecs": codecs}).to_json())
    bench.write_text(json.dumps(BENCH))
    page.write_text(PAGE.format("speed"))
    arguments = [
        str(results),
        "--pages",
        str(page),
        "--plot",
        str(tmp_path / "deep" / "plot.svg"),
        "--bench",
        str(bench),
    ]
    assert command.main(arguments) == 0
    assert "0.16" in page.read_text()
    assert (tmp_path / "deep" / "plot.svg").read_bytes() == b"<svg/>"
    printed = capsys.readouterr()
    assert printed.out.count("written") == 2
    assert "photos with 3 images is not known as a data set of published curves" in printed.err
