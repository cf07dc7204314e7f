"""All codecs against all: which pairs there are, and the reason where there is no number."""

import pytest

pytest.importorskip("pydantic", reason="needs the extra [eval]")

from eval.rate_distortion.bd_matrix import bd_records
from eval.rate_distortion.curves import PublishedCurve
from eval.results.records import MeanRecord


def means(codec, factor=1.0, count=24, count_ms_ssim=24, psnr=(28.0, 31.0, 34.0, 37.0), ms_ssim_db=(10, 13, 16, 19)):
    return [
        MeanRecord(
            codec=codec,
            setting=setting,
            count=count,
            count_ms_ssim=count_ms_ssim,
            bytes=1000,
            bits_per_pixel=factor * 0.1 * 2**setting,
            psnr=psnr[setting],
            ms_ssim=0.9,
            ms_ssim_db=ms_ssim_db[setting],
            encode_seconds={"total": 1},
            decode_seconds={"total": 1},
        )
        for setting in range(len(psnr))
    ]


def table(records):
    return {(record.anchor, record.codec, record.metric): record for record in records}


def test_every_ordered_pair_in_both_metrics():
    records = bd_records([*means("A"), *means("B", factor=0.5), *means("C", factor=2)])
    assert len(records) == len(table(records)) == 12
    assert table(records)["A", "B", "psnr"].bd_rate_percent == pytest.approx(-50)
    assert table(records)["B", "A", "ms_ssim_db"].bd_rate_percent == pytest.approx(100)
    assert table(records)["A", "C", "psnr"].bd_quality == pytest.approx(-3)
    assert table(records)["A", "C", "ms_ssim_db"].overlap == (10, 19)
    assert all(record.reason is None for record in records)


def test_published_curves_are_anchors_in_their_metric():
    curve = PublishedCurve(
        name="paper",
        dataset="kodak",
        metric="psnr",
        pixels="float",
        rate="estimate",
        source="a paper",
        points=((0.2, 28.0), (0.4, 31.0), (0.8, 34.0), (1.6, 37.0)),
    )
    records = bd_records([*means("A"), *means("B")], [curve])
    assert [r.codec for r in records if r.anchor == "paper"] == ["A", "B"]
    assert not [r for r in records if r.codec == "paper"]
    assert table(records)["paper", "A", "psnr"].bd_rate_percent == pytest.approx(-50)


@pytest.mark.parametrize(
    ("other", "metric", "reason"),
    [
        (means("B", psnr=(28.0, 31.0, 34.0)), "psnr", "the codec has 3 of the 4 points"),
        (means("B", psnr=(28.0, 31.0, 34.0, None)), "psnr", "the codec has 3 of the 4 points"),
        (means("B", psnr=(28.0, 31.0, 30.0, 33.0)), "psnr", "not better at"),
        (means("B", count=23), "psnr", "A is the mean of 24 images, B of 23"),
        (means("B", count_ms_ssim=20), "ms_ssim_db", "MS-SSIM is known of 20 of 24 images only"),
    ],
)
def test_what_cannot_be_compared_has_a_reason(other, metric, reason):
    record = table(bd_records([*means("A"), *other]))["A", "B", metric]
    assert (record.bd_rate_percent, record.bd_quality, record.overlap) == (None, None, None)
    assert reason in record.reason


def test_one_delta_may_exist_without_the_other():
    record = table(bd_records([*means("A"), *means("B", factor=100)]))["A", "B", "psnr"]
    assert record.bd_rate_percent == pytest.approx(9900)
    assert record.bd_quality is None
    assert "no range of rate" in record.reason


def test_a_single_codec_has_nobody_to_be_compared_with():
    assert bd_records(means("A")) == ()


def with_metrics(records, **values):
    return [
        record.model_copy(update={"metrics": {name: series[k] for name, series in values.items()}})
        for k, record in enumerate(records)
    ]


def test_further_metrics_have_deltas_on_their_own_scale():
    series = {"vmaf": (40.0, 60.0, 80.0, 90.0), "butteraugli": (6.0, 4.0, 2.0, 1.0)}
    records = table(bd_records([*with_metrics(means("A"), **series), *with_metrics(means("B", factor=0.5), **series)]))
    assert list(dict.fromkeys(metric for _, _, metric in records)) == ["psnr", "ms_ssim_db", "vmaf", "butteraugli"]
    for metric, overlap in (("vmaf", (40, 90)), ("butteraugli", (1, 6))):
        record = records["A", "B", metric]
        assert record.bd_rate_percent == pytest.approx(-50)
        assert record.bd_quality > 0  # better, though a distance then is smaller
        assert record.overlap == overlap


def test_a_metric_that_some_images_lack_compares_nothing():
    gaps = with_metrics(means("A"), vmaf=(None, 60.0, 80.0, 90.0))
    record = table(bd_records([*gaps, *with_metrics(means("B"), vmaf=(40.0, 60.0, 80.0, 70.0))]))["A", "B", "vmaf"]
    assert record.bd_rate_percent is None
    assert "3 of the 4 points" in record.reason
    assert "dB" not in record.reason


def test_a_metric_that_falls_says_so_in_its_own_unit():
    falling = with_metrics(means("A"), vmaf=(40.0, 60.0, 80.0, 70.0))
    record = table(bd_records([*falling, *with_metrics(means("B"), vmaf=(40.0, 60.0, 80.0, 90.0))]))["A", "B", "vmaf"]
    assert record.reason.endswith("70.000 than at 0.4000 bpp, 80.000")
