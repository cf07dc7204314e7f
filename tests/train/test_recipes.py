import pytest

from cca_jax.config import PRESETS
from train.config import TrainConfig
from train.durations import Duration
from train.options import config_of, parser
from train.recipes import RATE_WEIGHTS, first_rate_weight, recipe


def options(*flags):
    return config_of(parser().parse_args(["--data", "D", "--out", "R", *flags]))


@pytest.mark.parametrize("rate_weight", RATE_WEIGHTS)
def test_the_released_recipe(rate_weight):
    config = options("--rate-weight", str(rate_weight))
    expected = TrainConfig(
        model=PRESETS["paper"],
        data="D",
        duration=Duration(65, "epochs"),
        drop_at=Duration(56, "epochs"),
        batch_size=8,
        patch_size=256,
        rate_weight=rate_weight,
        first_rate_weight={0.3: 0.3, 0.85: 0.3, 1.8: 0.3, 3.5: 0.3, 7.0: 2.0, 15.0: 2.0}[rate_weight],
        learning_rate=1e-4,
        learning_rate_decay="drop",
        warmup=Duration(0),
        clip_norm=1.0,
        loss="mse",
        cca="reference",
        cca_weight=1.0,
        precision="float32",
        ema_decay=0.0,
    )
    assert config == expected


def test_a_run_never_begins_below_its_own_rate_weight():
    assert first_rate_weight(0.1) == 0.1
    assert first_rate_weight(4.9) == 0.3
    assert first_rate_weight(5.0) == 2.0


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
    assert error.startswith("train: ")
    assert error.count("\n") == 1


def test_unknown_presets_are_refused():
    with pytest.raises(ValueError, match="no preset 'papper': choose"):
        recipe("papper", 1.0)


def test_every_warmup_of_a_short_run_is_short():
    """Else a term would never count fully."""
    short = options("--preset", "lite", "--steps", "2000")
    assert 0 < short.hyper_warmup.amount <= 0.05 * 2000
    assert short.drop_at == Duration(1700)
