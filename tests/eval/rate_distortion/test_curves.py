"""The published curves: that they are what their sources say, and that a bad file does not pass."""

import json

import pytest

pytest.importorskip("pydantic", reason="needs the extra [eval]")

from eval.rate_distortion.curves import DATASETS, identify_dataset, load_curves, published_curves
from eval.rate_distortion.curves.load import read_curves

CURVE = {
    "name": "X",
    "dataset": "kodak",
    "metric": "psnr",
    "pixels": "8-bit",
    "rate": "file",
    "source": "a paper",
    "points": [[0.1, 28.0], [0.2, 30.0]],
}


def test_cca_on_all_three_sets():
    curves = {curve.dataset: curve for curve in load_curves() if curve.name == "CCA (paper)"}
    assert set(curves) == set(DATASETS)
    assert [curves[name].points[0] for name in DATASETS] == [(0.169, 30.43), (0.128, 32.23), (0.136, 32.46)]
    assert [curves[name].points[-1] for name in DATASETS] == [(0.74, 37.2), (0.539, 38.01), (0.506, 38.1)]
    assert all(len(curve.points) == 6 and curve.rate == "estimate" for curve in curves.values())


def test_one_curve_a_codec_of_8_bit_images_where_there_is_a_choice():
    curves = published_curves("kodak")
    names = [curve.name for curve in curves]
    assert len(names) == len(set(names)) == 15
    assert {curve.dataset for curve in curves} == {"kodak"}
    both = {curve.name for curve in load_curves() if curve.pixels == "8-bit"} & {
        curve.name for curve in load_curves() if curve.pixels == "float"
    }
    assert "mbt2018-mean" in both
    assert all(curve.pixels == "8-bit" for curve in curves if curve.name in both)


def test_an_unknown_data_set():
    with pytest.raises(ValueError, match=r"'clic': there are kodak, clic-pro-valid, tecnick"):
        published_curves("clic")


@pytest.mark.parametrize(
    ("name", "count", "dataset"),
    [
        ("kodak", 24, "kodak"),
        ("tfds:Kodak", 24, "kodak"),
        ("my_kodak", 23, None),
        ("CLIC2020_valid", 41, "clic-pro-valid"),
        ("clic", 61, None),
        ("Tecnick-1200", 100, "tecnick"),
        ("photos", 24, None),
    ],
)
def test_a_folder_is_a_data_set_by_its_name_and_its_number_of_images(name, count, dataset):
    assert identify_dataset(name, count) == dataset


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": ""}, "0.source"),
        ({"dataset": "Kodak"}, "0.dataset"),
        ({"unit": "bpp"}, "0.unit"),
        ({"points": []}, "0.points"),
        ({"points": [[0.1, 28.0], [0.2, 27.0]]}, r"points must increase in both, but \[0.2, 27.0\] follows"),
        ({"points": [[0.2, 28.0], [0.1, 29.0]]}, "points must increase in both"),
        ({"points": [[0.0, 28.0]]}, "0.points.0.0"),
        ({"points": [["0.1 bpp", 28.0]]}, "0.points.0.0"),
    ],
)
def test_a_bad_curve_is_named(tmp_path, change, message):
    (tmp_path / "x.json").write_text(json.dumps([{**CURVE, **change}]))
    with pytest.raises(ValueError, match=message) as error:
        read_curves(tmp_path)
    assert str(tmp_path / "x.json") in str(error.value)


def test_a_curve_given_twice_and_no_json(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps([CURVE]))
    assert read_curves(tmp_path)[0].points == ((0.1, 28.0), (0.2, 30.0))
    (tmp_path / "y.json").write_text(json.dumps([CURVE]))
    with pytest.raises(ValueError, match="two curves of X kodak 8-bit"):
        read_curves(tmp_path)
    (tmp_path / "y.json").write_text("[")
    with pytest.raises(ValueError, match=r"y\.json: the document"):
        read_curves(tmp_path)
