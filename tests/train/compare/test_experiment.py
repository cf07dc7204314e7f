"""In which order an experiment's runs come, and what becomes of those that are done: with runs that train nothing."""

import contextlib
import json
import types

import numpy as np
import pytest

from train.compare import experiment
from train.compare.__main__ import main, parser
from train.compare.variants import read_variants
from train.run.interrupts import Interrupts


class Photos:
    """None that anybody looks at."""

    steps_per_epoch, held_out = 2, ()
    validation = np.zeros((3, 64, 64, 3), np.uint8)

    @contextlib.contextmanager
    def of(self, config):
        yield self


@pytest.fixture
def runs(monkeypatch):
    """What was run, in order: (folder, resumed, form, seed); `runs.stop` ends that one of them before its end,
    and those of the form `runs.diverged` have numbers that are not finite."""
    told = types.SimpleNamespace(made=[], stop=None, diverged=None)

    def run(config, data, folder, *, mesh, tell, resume, init_from, interrupts):
        told.made.append((folder.name, resume, config.cca, config.seed))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text("{}")
        factor = 1 + 0.01 * (config.cca == "stopped") * (1 + config.seed)
        rates = [factor * rate for rate in (0.1, 0.25, 0.5, 0.9)]
        bad = config.cca == told.diverged
        lines = [
            {"kind": "train", "step": 2, "seconds_per_step": 9.0},
            {"kind": "train", "step": 4, "seconds_per_step": 0.25},
            {"kind": "train", "step": 6, "seconds_per_step": 0.75},
            {"kind": "validation", "step": 6, "loss": None if bad else 2.0, "rate": 0.4, "psnr": 32.5,
             "rates": rates, "psnrs": [None if bad else 28.0, 31.0, 34.0, 37.0]},
            {"kind": "goodput", "step": 6},
        ]  # fmt: skip
        (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
        return types.SimpleNamespace(step=3 if len(told.made) == told.stop else 6)

    monkeypatch.setattr(experiment, "run", run)
    return told


@pytest.fixture
def carry_out(tmp_path):
    """Carries an experiment of two variants out, with further words of its command line."""
    for name, options in (("off", {"cca": "off"}), ("on", {"cca": "stopped"})):
        (tmp_path / f"{name}.json").write_text(json.dumps(options))

    def go(*words, seeds=2, files=False, interrupts=None):
        names = [str(tmp_path / f"{name}.json") for name in ("off", "on")]
        arguments = ["--preset", "tiny", "--rate-weight", "2", "--data", "D", "--out", "O", "--steps", "6", *words]
        common = parser().parse_args([*names, *arguments])
        planned = experiment.plan_runs(read_variants(common.variants), common, range(seeds))
        results = experiment.carry_out(
            planned, Photos(), tmp_path / "out", None, interrupts or Interrupts(), lambda line: None, files
        )
        return planned, results

    return go


def test_a_seeds_runs_come_one_after_the_other(carry_out, runs):
    planned, results = carry_out()
    assert runs.made == [
        ("off-0", False, "off", 0), ("on-0", False, "stopped", 0), ("off-1", False, "off", 1),
        ("on-1", False, "stopped", 1),
    ]  # fmt: skip
    assert experiment.left(planned, results) == 0
    assert [run.rates[0] for run in results.of("on")] == pytest.approx([0.101, 0.102])
    run = results.of("off")[0]
    assert (run.loss, run.seconds_per_step, run.photos, run.of_files) == (2.0, 0.5, 3, False)
    assert all(str(one.config.validate_every) == "6" for one in planned)  # measured once


def test_what_was_stopped_goes_on_and_what_is_done_is_not_done_again(carry_out, runs):
    runs.stop = 2
    planned, results = carry_out()
    assert experiment.left(planned, results) == 3
    carry_out()
    assert runs.made[2:] == [
        ("on-0", True, "stopped", 0), ("off-1", False, "off", 1), ("on-1", False, "stopped", 1)
    ]  # fmt: skip
    carry_out()
    assert len(runs.made) == 5
    carry_out(seeds=3)
    assert runs.made[5:] == [("off-2", False, "off", 2), ("on-2", False, "stopped", 2)]


def test_no_run_begins_when_the_time_is_over(carry_out, runs):
    planned, results = carry_out(interrupts=Interrupts(time_limit=1e-9))
    assert (experiment.left(planned, results), runs.made) == (4, [])


def test_results_that_lack_a_newer_option_are_of_its_default(carry_out, runs, tmp_path):
    carry_out(seeds=1)
    path = tmp_path / "out" / "results.json"
    results = json.loads(path.read_text())
    assert all(run["config"].pop("remat") is False for run in results["runs"])
    path.write_text(json.dumps(results))
    carry_out(seeds=1)
    assert len(runs.made) == 2
    carry_out("--kernel-memory", "12", seeds=1)  # nothing of the results
    assert len(runs.made) == 2
    with pytest.raises(ValueError, match=r"other options \(remat\)"):
        carry_out("--remat", seeds=1)


def test_another_experiment_is_refused(carry_out, runs):
    carry_out(seeds=1)
    with pytest.raises(ValueError, match=r"holds off with other options \(learning_rate\)"):
        carry_out("--learning-rate", "1e-5", seeds=1)
    with pytest.raises(ValueError, match=r"holds off with other options \(init_from\)"):
        carry_out("--init-from", "m", seeds=1)
    with pytest.raises(ValueError, match="was measured without --files"):
        carry_out(files=True, seeds=1)
    carry_out("--log-every", "7", seeds=1)
    assert len(runs.made) == 2


def test_a_run_that_began_elsewhere_does_not_go_on(carry_out, runs):
    runs.stop = 1
    carry_out(seeds=1)
    with pytest.raises(ValueError, match="off-0 began from another model"):
        carry_out("--init-from", "m", seeds=1)


def test_presets_of_other_crops_are_no_match(tmp_path):
    for name, preset in (("a", "tiny"), ("b", "lite")):
        (tmp_path / f"{name}.json").write_text(json.dumps({"preset": preset}))
    names = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    common = parser().parse_args([*names, "--data", "D", "--out", "O", "--steps", "6"])
    with pytest.raises(ValueError, match="variant b has another batch_size, patch_size than a, by its preset"):
        experiment.plan_runs(read_variants(common.variants), common, range(1))
    common = parser().parse_args(
        [*names, *["--data", "D", "--out", "O", "--steps", "6", "--batch-size", "4", "--patch-size", "64"]]
    )
    assert len(experiment.plan_runs(read_variants(common.variants), common, range(1))) == 2


def test_a_run_that_diverged_has_no_numbers_and_the_table_is_drawn(carry_out, runs, tmp_path, capsys):
    runs.diverged = "stopped"
    _, again = carry_out(seeds=1)
    assert np.isnan(again.of("on")[0].loss)
    assert main(["--out", str(tmp_path / "out")]) == 0
    assert "| `on` | none |" in capsys.readouterr().out


def test_the_table_and_the_plot_are_drawn_anew_without_variants(carry_out, runs, tmp_path, capsys):
    carry_out()
    assert main(["--out", str(tmp_path / "out")]) == 0
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| `on` | +1.50 % | −4.85 % to +7.85 % | 2 | 2.0000 | 0.5 |" in table
    assert table in capsys.readouterr().out
    assert (tmp_path / "out" / "compare.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--out", "nowhere"], "holds no experiment"),
        (["a.json", "--out", "nowhere"], "required: --data, and --steps or --epochs"),
        (["a.json", "--out", "nowhere", "--data", "D", "--steps", "3"], "one variant alone"),
        (["a.json", "b.json", "--out", "nowhere", "--data", "D", "--steps", "3"], "a.json: No such file"),
    ],
)
def test_what_is_lacking_is_told_in_one_line(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    errors = capsys.readouterr().err
    assert told in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "nowhere").exists()
