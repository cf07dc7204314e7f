"""An experiment from the command line: same crops and noise, one program a variant, and going on where it ended."""

import dataclasses
import functools
import json
import re

import jax
import numpy as np
import pytest

from cca_jax.bundles.bundle import Bundle, save_bundle
from cca_jax.image_io.images import write_image
from cca_jax.model.noise import Noise
from train.compare.__main__ import main
from train.compare.real_files import qualities_of
from train.step import compiled_window

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def place(tmp_path_factory, micro_lite, draw_lively):
    """A folder with photos, a model of four rates to begin from, and three variants."""
    folder = tmp_path_factory.mktemp("experiment")
    (folder / "photos").mkdir()
    for tag in range(5):
        rows, columns = np.mgrid[:64, : 70 + tag]
        waves = [128 + 100 * np.sin(rows / (5 + c + tag) + columns / (9 + 2 * c)) for c in range(3)]
        write_image(folder / "photos" / f"{tag}.png", np.stack(waves, axis=-1).astype(np.uint8))
    model = dataclasses.replace(micro_lite, rate_weights=(64.0, 8.0, 2.0, 0.5), scale_context_channels=8)
    (folder / "preset.json").write_text(json.dumps(model.to_dict()))
    bundle = Bundle.build("m", "", model, jax.device_get(draw_lively(model)), "float32")
    save_bundle(bundle, folder / "m", "card")
    variants = {
        "off": {"cca": "off"},
        "same": {"cca": "off"},
        "slow": {"cca": "off", "learning_rate": 1e-5},
    }
    for name, values in variants.items():
        (folder / f"{name}.json").write_text(json.dumps(values))
    return folder


def compare(place, *words, variants=("off", "same", "slow"), out="out", seeds=2, steps=4):
    files = [str(place / f"{name}.json") for name in variants]
    return main(
        [
            *files, "--data", str(place / "photos"), "--out", str(place / out), "--preset", str(place / "preset.json"),
            "--init-from", str(place / "m"), "--steps", str(steps), "--seeds", str(seeds), "--batch-size", "2",
            "--patch-size", "64", "--validation-photos", "2", "--photos-on-device", "--steps-per-call", "2",
            "--warmup", "0", "--learning-rate", "1e-2", "--ema-decay", "0", "--hyper-warmup", "0", *words,
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(place):
    """The experiment, and how many programs its runs took."""
    compiled_window._compiled.cache_clear()
    assert compare(place) == 0
    return place / "out", compiled_window._compiled.cache_info()


def results(folder):
    return json.loads((folder / "results.json").read_text())


def points(folder, variant):
    return {run["seed"]: (run["rates"], run["psnrs"]) for run in results(folder)["runs"] if run["variant"] == variant}


def test_variants_that_are_the_same_have_the_same_result_and_others_have_not(done):
    folder, _ = done
    off, same, slow = (points(folder, name) for name in ("off", "same", "slow"))
    assert off.keys() == {0, 1}
    assert off == same
    assert off[0] != off[1]
    assert slow[0] != off[0]
    assert all(len(rates) == 4 for rates, _ in off.values())


def test_a_seed_needs_no_program_of_its_own(done):
    _, programs = done
    assert (programs.misses, programs.hits) == (2, 4)  # off and same, and slow; each with two seeds


def test_what_people_see(done):
    folder, _ = done
    table = (folder / "table.md").read_text()
    assert re.search(r"\| `same` \|.*\| 2 \|", table)
    assert "4 steps of 2 crops of 64²" in table
    assert (folder / "compare.svg").read_text().startswith("<?xml")


def test_what_is_done_is_not_done_again_and_may_be_drawn_anew(place, done, capsys):
    folder, _ = done
    before = (folder / "results.json").read_bytes(), (folder / "table.md").read_text()
    (folder / "table.md").unlink()
    capsys.readouterr()
    assert compare(place) == 0
    assert "run 1" not in capsys.readouterr().out
    assert ((folder / "results.json").read_bytes(), (folder / "table.md").read_text()) == before
    (folder / "table.md").unlink()
    assert main(["--out", str(folder)]) == 0
    assert (folder / "table.md").read_text() == before[1]


def test_an_experiment_that_ran_out_of_time_ends_as_one_that_did_not(place, done, capsys):
    folder, _ = done
    assert compare(place, "--time-limit", "0.001", variants=("off", "slow"), out="late", seeds=1) == 124
    assert "stopped by --time-limit; everything is saved: give the same command to go on" in capsys.readouterr().out
    assert compare(place, variants=("off", "slow"), out="late", seeds=1) == 0
    for name in ("off", "slow"):
        assert points(place / "late", name)[0] == points(folder, name)[0]


def test_other_options_than_before_are_refused(place, done, capsys):
    for words, told in ((["--patch-size", "128"], "patch_size"), (["--files"], "was measured without --files")):
        assert compare(place, *words) == 2
        errors = capsys.readouterr().err
        assert told in errors
        assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--data, and --steps or --epochs"),
        (["--data", "D", "--steps", "3"], "one variant alone"),
    ],
)
def test_what_is_lacking_is_told_in_one_line(place, words, told, capsys):
    assert main([str(place / "off.json"), "--out", str(place / "none"), *words]) == 2
    errors = capsys.readouterr().err
    assert told in errors
    assert errors.count("\n") == 1
    assert not (place / "none").exists()


@pytest.mark.slow
def test_real_files_are_measured_at_each_rate(place):
    assert compare(place, "--files", variants=("off", "same"), out="files", seeds=1, steps=2) == 0
    (rates, psnrs), same = points(place / "files", "off")[0], points(place / "files", "same")[0]
    assert (rates, psnrs) == tuple(same)
    assert rates == sorted(rates)
    run = results(place / "files")["runs"][0]
    assert (run["of_files"], run["photos"]) == (True, 2)


def test_the_qualities_of_rates(micro, micro_lite):
    assert qualities_of(micro_lite) == [1, 50.5, 100]
    assert qualities_of(micro) == [None]


def test_noise_is_the_same_with_the_auxiliary_model_and_without(micro):
    draw = functools.partial(Noise.sample, jax.random.key(3), micro, (1, 64, 64, 3))
    with_it, without = draw(auxiliary=True), draw(auxiliary=False)
    np.testing.assert_array_equal(with_it.y, without.y)
    np.testing.assert_array_equal(with_it.z, without.z)
