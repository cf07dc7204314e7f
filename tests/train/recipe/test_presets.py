"""What a run does that is told no more than its preset and its length."""

import pytest

from cca_jax.config import PRESETS
from train.recipe.config import TrainConfig
from train.recipe.durations import Duration
from train.recipe.options import config_of, parser
from train.recipe.presets import RATE_WEIGHTS, first_rate_weight, recipe


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


def test_every_warmup_of_a_short_run_is_short():
    """Else a term would never count fully."""
    short = options("--preset", "lite", "--steps", "2000")
    for warmup in (short.hyper_warmup, short.cca_warmup):
        assert 0 < warmup.amount <= 0.05 * 2000
    assert short.drop_at == Duration(400)


def test_the_default_model_is_trained_with_the_cca_term_against_a_good_auxiliary_model():
    assert options("--preset", "lite").cca == "stopped"


@pytest.mark.parametrize("preset", [name for name in PRESETS if PRESETS[name].rate_weights])
def test_the_term_weighs_less_than_every_rate(preset):
    config = options("--preset", preset)
    assert 0 < config.cca_weight < min(config.model.rate_weights)


def test_unknown_presets_are_refused():
    with pytest.raises(ValueError, match="no preset 'papper': choose"):
        recipe("papper", 1.0)
