"""results.json and its schema, round trips, refusals, the CSV, and means by hand."""

import csv
import io
import json
import math

import jsonschema
import pytest

from eval.rate_distortion.means import mean_records
from eval.results.records import Failure, ImageRecord
from eval.results.results import SCHEMA_FILE, BdRecord, CodecRecord, Data, Machine, Results, schema


def record(**changes):
    fields = {
        "image": "a.png",
        "width": 20,
        "height": 10,
        "codec": "lite",
        "setting": 30.0,
        "bytes": 100,
        "bits_per_pixel": 4.0,
        "psnr": 30.0,
        "ms_ssim": 0.9,
        "ms_ssim_db": 10.0,
        "encode_seconds": {"coder": 1.0, "total": 2.0},
        "decode_seconds": {"total": 1.0},
        "peak_memory_bytes": 1000,
        "bits_per_slice": (8, 100),
        "estimated_bits_per_pixel": 3.9,
    }
    return ImageRecord(**fields | changes)


OTHER = {"codec": "JPEG", "psnr": None, "peak_memory_bytes": None, "bits_per_slice": None}
RECORDS = (record(), record(**OTHER, ms_ssim=None, ms_ssim_db=None, estimated_bits_per_pixel=None))


@pytest.fixture(scope="module")
def results():
    codec = {"version": "1", "external": False, "setting_name": "quality", "settings": (30.0,)}
    return Results(
        created="2025-01-01T00:00:00+00:00",
        machine=Machine(cpu="x", cores=2, memory_bytes=None, system="y", device="cpu"),
        versions={"jax": "1"},
        data=Data(name="photos", count=2),
        codecs=(CodecRecord(name="lite", kind="ours", **codec), CodecRecord(name="JPEG", kind="conventional", **codec)),
        records=RECORDS,
        means=mean_records(RECORDS),
        failures=(Failure(image="b.png", reason="damaged"),),
        bd=(BdRecord(anchor="JPEG", codec="lite", metric="psnr", reason="one point"),),
    )


def test_json_comes_back_the_same_and_keeps_to_the_schema(results):
    text = results.to_json()
    assert Results.from_json(text) == results
    jsonschema.validate(json.loads(text), json.loads(SCHEMA_FILE.read_text()))


def test_the_schema_file_is_that_of_the_records():
    assert SCHEMA_FILE.read_text() == schema(), "run python -m eval.results"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema_version",), 2),
        (("unknown",), 1),
        (("records", 0, "bytes"), 0),
        (("records", 0, "ms_ssim"), 1.5),
        (("codecs", 0, "kind"), "theirs"),
        (("bd", 0, "metric"), "lpips"),
    ],
)
def test_other_documents_are_refused_by_reader_and_schema(results, place, value):
    document = json.loads(results.to_json())
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(ValueError, match=str(place[-1])):
        Results.from_json(json.dumps(document))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(SCHEMA_FILE.read_text()))


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_records_hold_only_numbers_that_json_has(value):
    with pytest.raises(ValueError, match="finite"):
        record(psnr=value)


def test_csv_has_a_line_a_record_and_a_column_a_part(results):
    first, second = csv.DictReader(io.StringIO(results.to_csv()))
    assert (first["encode_seconds.coder"], first["bits_per_slice.1"], first["psnr"]) == ("1.0", "100", "30.0")
    assert (second["encode_seconds.total"], second["bits_per_slice.1"], second["psnr"]) == ("2.0", "", "")
    assert None not in first
    assert "bits_per_slice" not in first


def test_means_are_of_per_image_values():
    small = {"bytes": 300, "bits_per_pixel": 12.0, "psnr": 40.0, "ms_ssim": None, "ms_ssim_db": None}
    pair = [record(), record(**small, bits_per_slice=(8, 300), peak_memory_bytes=3000)]
    (mean,) = mean_records(pair)
    assert (mean.codec, mean.setting, mean.count, mean.count_ms_ssim) == ("lite", 30.0, 2, 1)
    assert (mean.bytes, mean.bits_per_pixel, mean.psnr) == (200, 8.0, 35.0)
    assert (mean.ms_ssim, mean.ms_ssim_db) == (0.9, 10.0)
    assert mean.encode_seconds == {"coder": 1.0, "total": 2.0}
    assert (mean.bits_per_slice, mean.peak_memory_bytes) == ((8, 200), 3000)


def test_a_mean_that_would_leave_images_out_is_none():
    (mean,) = mean_records([record(), record(psnr=None, ms_ssim_db=None, estimated_bits_per_pixel=None)])
    assert (mean.psnr, mean.ms_ssim, mean.ms_ssim_db, mean.estimated_bits_per_pixel) == (None, 0.9, None, None)


def test_means_keep_the_order_of_codecs_and_settings():
    order = [("b", 2.0), ("b", 1.0), ("a", 1.0)]
    means = mean_records(record(codec=codec, setting=setting) for codec, setting in [*order, *order])
    assert [(mean.codec, mean.setting) for mean in means] == order
