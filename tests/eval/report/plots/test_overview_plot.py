"""The README's plot: what it shows, in which order names stand, and that it follows the theme."""

import xml.etree.ElementTree as ET

import pytest

from eval.rate_distortion.curves import published_curves
from eval.rate_distortion.means import mean_records
from eval.report.plots.overview import overview_plot, spread_out


@pytest.fixture
def kodak(results, make_record):
    """Ours at four rates beside one other codec, as if of Kodak."""
    points = {"ours": ((0.2, 30.0), (0.4, 32.0), (0.6, 33.5), (0.8, 35.0)), "JPEG": ((0.3, 27.0), (0.9, 32.0))}
    records = [
        make_record("a.png", codec, setting, rate, psnr)
        for codec, curve in points.items()
        for setting, (rate, psnr) in enumerate(curve)
    ]
    codecs = tuple(codec.model_copy(update={"name": name}) for codec, name in zip(results.codecs, points, strict=True))
    data = results.data.model_copy(update={"name": "kodak", "count": 24})
    return results.model_copy(
        update={"codecs": codecs, "records": tuple(records), "means": mean_records(records), "data": data}
    )


def test_the_plot_is_a_small_svg_that_says_what_it_shows(kodak):
    svg = overview_plot(kodak, published_curves("kodak"))
    title = ET.fromstring(svg).find("{http://www.w3.org/2000/svg}title").text
    assert len(svg) < 100_000
    assert title.startswith("Rate and distortion on kodak, 24 images: ours, JPEG, ")
    assert "BPG (published)" in title
    assert "CCA, as published (published)" in title
    assert "VTM" not in title


def test_the_same_results_give_the_same_bytes(kodak):
    assert overview_plot(kodak, ()) == overview_plot(kodak, ())


def test_the_plot_follows_a_dark_theme(kodak):
    svg = overview_plot(kodak, ()).decode()
    rules = svg[svg.index("@media (prefers-color-scheme: dark)") : svg.index("</style>")]
    for color in ("#24292f", "#ffffff", "#e3e5e8"):
        assert f': {color}"' in svg or f": {color};" in svg
        assert f": {color}" in rules


def test_without_a_curve_of_ours_there_is_no_plot(results, published):
    with pytest.raises(ValueError, match="no model was measured at two rates"):
        overview_plot(results, published)


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ({0: 0.2, 1: 0.8}, {0: 0.2, 1: 0.8}),
        ({0: 0.5, 1: 0.5}, {0: 0.5, 1: 0.6}),
        ({0: 0.97, 1: 0.98, 2: 0.99}, {0: 0.8, 1: 0.9, 2: 1.0}),
    ],
)
def test_names_are_spread_out_in_their_order(wanted, places):
    assert spread_out(wanted, 0.1) == pytest.approx(places)
