import json

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from train.recipe.options import config_of, parser
from train.run.reporting.console import decibels, goodput_line, noise_warning, train_line, validation_line
from train.run.reporting.metrics_log import MetricsLog
from train.run.reporting.reporter import Reporter

VALUES = {
    "loss": 12.5, "mse": 0.001, "rate_y": 0.5, "rate_z": 0.25, "rate_aux": 0.75, "cca": -0.25, "skipped": 0.0,
    "aux_floor_fraction": 0.0,
}  # fmt: skip
VALIDATION = {"loss": 9.0, "rate": 0.75, "rate_z": 0.25, "rate_slices": [0.375, 0.125], "psnr": 31.5}


def test_the_line_of_a_step():
    line = train_line(200, 1000, VALUES, crops_per_second=40.0, batch_size=8)
    assert line == (
        "step 200/1000  5 steps/s  40 crops/s  0:02:40 left  loss 12.5000  30.00 dB  y 0.5000  z 0.2500 bpp  "
        "aux 0.7500 cca -0.2500 bpp"
    )
    without = train_line(1, 2, {**VALUES, "rate_aux": 0.0, "skipped": 3.0}, 40.0, 8)
    assert without.endswith("z 0.2500 bpp  3 skipped")


def test_a_line_says_what_is_known_of_the_chip_and_whether_it_waits():
    pace = {"tflops_per_second": 41.24, "share_of_peak": 0.0417, "data_wait": 0.25}
    line = train_line(200, 1000, {**VALUES, **pace}, crops_per_second=40.0, batch_size=8)
    assert "40 crops/s  41.2 TFLOP/s a device, 4.2% of its peak  25% waiting for photos  0:02:40 left" in line
    assert "waiting" not in train_line(200, 1000, {**VALUES, "data_wait": 0.01}, 40.0, 8)


def test_the_line_of_where_the_time_went():
    line = goodput_line(3723.4, {"steps": 0.7, "data": 0.05, "compilation": 0.25})
    assert line == "time 1:02:03: steps 70.0%, compilation 25.0%, data 5.0%"


def test_a_run_that_waits_for_photos_is_told_once(tmp_path):
    told = []
    with Reporter(tmp_path, 0, 100, 8, 5, told.append) as reporter:
        for step in range(1, 9):
            reporter.train(step, VALUES, {"seconds_per_step": 0.2, "data_wait": 0.0 if step == 1 else 0.4})
        reporter.goodput(9, 60.0, {"steps": 0.6, "data": 0.4})
    (warning,) = (line for line in told if line.startswith("warning"))
    assert "waited for them for 40%" in warning
    assert told.index(warning) == 4  # after the third slow line: one may come by chance
    last = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert last == {"kind": "goodput", "step": 9, "seconds": 60.0, "steps": 0.6, "data": 0.4}


def test_the_line_of_a_validation():
    assert validation_line(7, VALIDATION, best=True) == (
        "validation 7  loss 9.0000 (best)  31.50 dB  0.7500 bpp: z 0.2500, slices 0.3750 0.1250"
    )


def test_decibels():
    assert decibels(0.01) == pytest.approx(20.0)
    assert decibels(0.0) == np.inf
    assert np.isnan(decibels(np.nan))


@pytest.mark.parametrize(
    ("flags", "smallest"),
    [
        (["--preset", "lite"], None),
        (["--preset", "lite", "--cca-weight", "1"], "0.0625"),
        (["--preset", "tiny", "--cca", "stopped", "--rate-weight", "3"], "0.3"),
        (["--preset", "tiny", "--cca", "stopped", "--rate-weight", "7"], None),
        (["--preset", "tiny", "--cca", "stopped", "--rate-weight", "3", "--drop-at", "0"], None),
        (["--preset", "tiny", "--cca", "reference"], None),
        (["--preset", "tiny", "--cca", "off", "--cca-weight", "9"], None),
    ],
)
def test_a_cca_weight_that_pays_for_noise_is_told(flags, smallest):
    warning = noise_warning(config_of(parser().parse_args(["--data", "D", "--out", "R", *flags])))
    if smallest is None:
        assert warning is None
    else:
        assert f"α = 1 is not below the smallest rate weight, {smallest}:" in warning


def test_lines_after_the_resumed_step_are_dropped(tmp_path):
    with MetricsLog(tmp_path, 0) as log:
        for step in (1, 2, 3):
            log.write("train", step, {"loss": float(step)})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "tra')  # killed in the middle of a line
    with MetricsLog(tmp_path, 2) as log:
        log.write("train", 3, {"loss": -3.0, "bad": np.inf, "list": [1.0, np.nan], "name": {"deep": -np.inf}})
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in lines] == [1.0, 2.0, -3.0]
    assert (lines[2]["bad"], lines[2]["list"], lines[2]["name"]) == (None, [1.0, None], {"deep": None})


@pytest.fixture
def reported(tmp_path):
    """Folder and lines of a run that logged two steps, both with a saturated auxiliary model, and a validation."""
    messages = []
    photos = np.zeros((5, 64, 64, 3), np.uint8)
    with Reporter(tmp_path, 0, 1000, 8, 2, messages.append) as reporter:
        for step in (10, 20):
            reporter.train(step, {**VALUES, "aux_floor_fraction": 0.51}, {"seconds_per_step": 0.2})
        reporter.validation(20, VALIDATION, True, photos, photos + 255)
    return tmp_path, messages


def test_saturation_is_explained_once(reported):
    warnings = [line for line in reported[1] if line.startswith("warning")]
    assert len(warnings) == 1
    for word in ("51%", "floor", "λ + α", "--cca stopped"):
        assert word in warnings[0]


def test_half_is_not_yet_saturated(tmp_path):
    messages = []
    with Reporter(tmp_path, 0, 1000, 8, 2, messages.append) as reporter:
        reporter.train(1, {**VALUES, "aux_floor_fraction": 0.5}, {"seconds_per_step": 0.2})
    assert len(messages) == 1


def test_tensorboard_shows_scalars_pictures_and_bits_by_slice(reported):
    events = EventAccumulator(str(reported[0])).Reload()
    scalars = events.Tags()["scalars"]
    for name in (
        "train/loss",
        "train/crops_per_second",
        "validation/psnr",
        "bits_per_pixel/z",
        "bits_per_pixel/slice_2",
    ):
        assert name in scalars
    assert [(e.step, e.value) for e in events.Scalars("bits_per_pixel/slice_1")] == [(20, 0.375)]
    assert events.Scalars("train/crops_per_second")[0].value == 40.0
    picture = events.Images("validation/original_above_reconstruction")[0]
    assert (picture.width, picture.height) == (4 * 64, 2 * 64)
    assert "custom_scalars__config__" in events.Tags()["tensors"]


def test_the_log_has_every_report(reported):
    lines = [json.loads(line) for line in (reported[0] / "metrics.jsonl").read_text().splitlines()]
    assert [(line["kind"], line["step"]) for line in lines] == [("train", 10), ("train", 20), ("validation", 20)]
    assert lines[0]["seconds_per_step"] == 0.2
    assert lines[2]["rate_slices"] == [0.375, 0.125]


def test_a_step_that_is_not_finite_is_reported_without_complaints(tmp_path, capfd):
    messages = []
    with Reporter(tmp_path, 0, 1000, 8, 2, messages.append) as reporter:
        reporter.train(1, {**VALUES, "loss": np.nan, "mse": np.nan}, {"seconds_per_step": 0.2})
    assert "loss nan  nan dB" in messages[0]
    assert capfd.readouterr().err == ""
    scalars = EventAccumulator(str(tmp_path)).Reload().Tags()["scalars"]
    assert "train/loss" not in scalars
    assert "train/crops_per_second" in scalars
