"""From the command line to the configuration of a run."""

import shlex

import pytest

from cca_jax.bundles.provenance import read_provenance
from cca_jax.bundles.registry import locate
from cca_jax.config import PRESETS
from train.recipe.durations import Duration
from train.recipe.options import config_of, parser
from train.recipe.presets import recipe


def options(*flags):
    return config_of(parser().parse_args(["--data", "D", "--out", "R", *flags]))


def test_flags_come_before_the_recipe():
    config = options("--preset", "tiny", "--batch-size", "2", "--drop-at", "3ep", "--no-remat", "--cca", "stopped")
    assert (config.batch_size, config.drop_at, config.remat, config.cca) == (2, Duration(3, "epochs"), False, "stopped")
    assert config.model == PRESETS["tiny"]
    assert config.ema_decay == recipe("tiny", 1.8)["ema_decay"]


def test_a_run_of_another_length_drops_at_the_same_share():
    assert options("--epochs", "13").drop_at == Duration(11.2, "epochs")
    short = options("--preset", "tiny", "--steps", "1000")
    assert (short.drop_at, short.warmup) == (Duration(200), Duration(5))
    assert options("--preset", "tiny", "--steps", "1000000").warmup == recipe("tiny", 1.8)["warmup"]


def test_a_resumed_run_of_another_length_keeps_its_schedules_place():
    flags = ["--data", "D", "--out", "R", "--preset", "tiny", "--steps"]
    before = config_of(parser().parse_args([*flags, "1000"]))
    longer = config_of(parser().parse_args([*flags, "3000"]), resumed=before)
    assert (longer.duration, longer.drop_at, longer.warmup) == (Duration(3000), before.drop_at, before.warmup)
    moved = config_of(parser().parse_args([*flags, "3000", "--drop-at", "9"]), resumed=before)
    assert moved.drop_at == Duration(9)


def test_a_negative_number_of_workers_is_refused():
    with pytest.raises(ValueError, match="--workers must be at least 0"):
        options("--workers", "-1")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--steps", "many"], "invalid int value: 'many'"),
        (["--steps", "1", "--epochs", "1"], "not allowed with argument"),
        (["--save-every", "daily"], "'daily' is no duration"),
        (["--loss", "l1"], "invalid choice: 'l1'"),
        (["--stpes", "3"], "unrecognized arguments: --stpes 3"),
    ],
)
def test_what_cannot_be_parsed_is_one_line(flags, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        parser().parse_args(["--data", "D", "--out", "R", *flags])
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message in error
    assert error.startswith("cca-jax: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["lite", "starter"])
def test_the_commands_that_made_a_shipped_model_are_understood(name):
    runs = [run for run in read_provenance(locate(name)).runs if run.command is not None]
    assert runs
    for run in runs:
        config = config_of(parser().parse_args(shlex.split(run.command)[3:]))
        assert config.model == PRESETS[name]
        assert (config.batch_size, config.seed) == (run.batch_size, run.seed)
