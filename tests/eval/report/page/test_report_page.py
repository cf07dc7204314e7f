"""The page as text: what is stated, what is escaped, what may run. `test_report_browser` opens it."""

import base64
import hashlib
import html.parser
import io
import json

import numpy as np
import pytest
from PIL import Image

from eval.report.page.data import page_data
from eval.report.page.tables import Footnotes, bd_matrices, mean_rows
from eval.report.pictures import data_uri
from eval.report.plots.style import assign_styles
from eval.report.write import build


class Reader(html.parser.HTMLParser):
    """Elements with their attributes, scripts and visible text, as a browser reads them."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.scripts, self.text, self._inside = [], [], "", None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self._inside != "style":
            self.text += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory, results, pictures, published):
    out = tmp_path_factory.mktemp("report")
    build(results, out, pictures=pictures, published=published)
    return out


@pytest.fixture(scope="module")
def page(folder):
    return Reader((folder / "report.html").read_text())


def test_the_data_arrive_whole_whatever_names_hold(page, results, pictures, published):
    (data,) = [text for attributes, text in page.scripts if attributes.get("id") == "data"]
    expected = page_data(results, pictures, published)
    assert json.loads(data) == json.loads(json.dumps(expected))
    assert expected["images"] == ["a.png", pictures[0].name]


def test_names_are_text_and_only_the_reports_own_scripts_may_run(page, pictures):
    attack = pictures[0].name
    assert page.text.count(attack) >= 3  # headline, tables, failures
    assert not [tag for tag, attributes in page.elements if tag == "img" and "onerror" in attributes]
    runnable = [text for attributes, text in page.scripts if "type" not in attributes]
    (policy,) = [attributes["content"] for tag, attributes in page.elements if attributes.get("http-equiv")]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in runnable]
    (allowed,) = [part for part in policy.split("; ") if part.startswith("script-src")]
    assert allowed.split()[1:] == [f"'sha256-{digest}'" for digest in hashes]
    assert policy.startswith("default-src 'none'; img-src data: blob:;")


def test_nothing_is_asked_of_the_network(page):
    addresses = [
        value for _, attributes in page.elements for name in ("src", "href") if (value := attributes.get(name))
    ]
    assert all(address.startswith("#") for address in addresses)


def test_means_are_stated_with_their_parts(page, results):
    ours, *others = mean_rows(results, assign_styles(["ours"], [codec.name for codec in results.codecs]))
    assert [cell.text for cell in ours.cells[2:7]] == ["2", "0.5000", "31.00", "0.9000", "10.00"]
    assert ours.cells[7].detail == "transform 0.125, coder 0.375"
    assert [row.cells[4].text for row in others] == ["27.00", "30.00", "33.00", "–"]
    assert "transform 0.125, coder 0.375" in page.text


def test_bd_rates_have_their_range_and_refusals_their_reason(page, results):
    footnotes = Footnotes()
    (matrix,) = bd_matrices(results, footnotes)
    attack = results.codecs[1].name
    assert (matrix.codecs, [row.anchor for row in matrix.rows]) == (("ours", attack), [attack, "VTM"])
    refused, absent = matrix.rows[0].cells[0], matrix.rows[0].cells[1]
    assert (refused.kind, refused.reason, absent.rate) == ("refused", 1, "")
    saving = matrix.rows[1].cells[1]
    assert (saving.kind, saving.rate, saving.detail) == ("saves", "−13.7 %", "+0.61 dB (27.0–33.1)")
    assert footnotes.texts == ["the codec has 1 of the 4 points"]
    assert footnotes.texts[0] in page.text


def test_slices_are_bits_per_pixel_and_maps_keep_their_bits(results, pictures, published):
    data = page_data(results, pictures, published)
    assert data["slices"][0] == [0, 0, "0", [0.1, 0.2, 0.2]]
    hyper, *slices = data["pictures"][0]["versions"][0]["bits"]
    assert np.array(hyper).tolist() == pictures[0].versions[0].bits.hyper.tolist()
    assert np.array(slices).tolist() == pictures[0].versions[0].bits.slices.tolist()


def test_pictures_are_embedded_without_loss():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(base64.b64decode(data_uri(pixels).partition(",")[2]))) as image:
        np.testing.assert_array_equal(np.array(image.convert("RGB")), pixels)
    assert data_uri(np.zeros((1, 1 << 14, 3), np.uint8)).startswith("data:image/png")


@pytest.mark.parametrize("number", range(5))
def test_looks_differ_and_ours_keep_their_colors(number):
    ours = [f"ours {i}" for i in range(number)]
    styles = assign_styles(ours, [f"other {i}" for i in range(60)])
    assert len(set(styles.values())) == number + 60
    colors = [style.color for style in styles.values()]
    assert not set(colors[:number]) & set(colors[number:])


def test_plots_for_papers_come_in_both_formats(folder):
    names = {f"{name}.{kind}" for name in ("rd_psnr", "rd_ms_ssim", "bits_per_slice") for kind in ("png", "svg")}
    assert {path.name for path in (folder / "plots").iterdir()} == names
    for name in names:
        data = (folder / "plots" / name).read_bytes()
        assert data.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")
        assert b"<script" not in data


def test_a_report_of_conventional_codecs_alone(results, tmp_path):
    attack = results.codecs[1].name
    bare = results.model_copy(
        update={
            "codecs": results.codecs[1:],
            "records": tuple(record for record in results.records if record.codec == attack),
            "means": tuple(mean for mean in results.means if mean.codec == attack),
            "bd": (),
            "failures": (),
            "published": (),
        }
    )
    page = Reader(build(bare, tmp_path).read_text())
    identifiers = {attributes.get("id") for _, attributes in page.elements}
    assert {"curves", "tables", "method"} <= identifiers
    assert not {"bd-rate", "comparison", "bits", "failures", "rd-ms-ssim"} & identifiers
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"rd_psnr.png", "rd_psnr.svg"}
