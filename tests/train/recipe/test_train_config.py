import dataclasses
import json

import pytest

from train.recipe.config import CHOICES, DURATIONS, TrainConfig
from train.recipe.durations import Duration


def test_json_and_back(train_config):
    values = json.loads(json.dumps(train_config.to_dict()))
    assert TrainConfig.from_dict(values) == train_config
    assert values["save_every"] == "1ep"
    assert set(values) == {field.name for field in dataclasses.fields(TrainConfig)}
    assert {name for name, value in vars(train_config).items() if isinstance(value, Duration)} == set(DURATIONS)


@pytest.mark.parametrize(("quick", "memory"), [(True, 8), (False, 0)])
def test_the_former_quick_compile_is_read(train_config, quick, memory):
    values = {name: value for name, value in train_config.to_dict().items() if name != "kernel_memory"}
    read = TrainConfig.from_dict({**values, "quick_compile": quick})
    assert read == dataclasses.replace(train_config, kernel_memory=memory)


def test_unknown_and_missing_keys_are_refused(train_config):
    values = train_config.to_dict()
    with pytest.raises(ValueError, match="unknown keys rate_wieght"):
        TrainConfig.from_dict({**values, "rate_wieght": 1})
    with pytest.raises(ValueError, match="missing keys data, duration"):
        TrainConfig.from_dict({key: value for key, value in values.items() if key not in ("data", "duration")})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"duration": Duration(0)}, "--steps must be longer than 0"),
        ({"save_every": Duration(0)}, "--save-every must be longer than 0"),
        ({"batch_size": 0}, "--batch-size must be at least 1"),
        ({"keep": 0}, "--keep must be at least 1"),
        ({"patch_size": 96}, "--patch-size must be a multiple of 64"),
        ({"patch_size": 0}, "--patch-size must be a multiple of 64"),
        ({"loss": "ms-ssim", "patch_size": 128}, "--loss ms-ssim needs --patch-size of at least 176"),
        ({"rate_weight": 0.0}, "--rate-weight must be above 0"),
        ({"learning_rate": float("nan")}, "--learning-rate must be above 0"),
        ({"clip_norm": float("inf")}, "--clip-norm must be above 0"),
        ({"cca_weight": -1.0}, "--cca-weight must be at least 0"),
        ({"kernel_memory": -1}, "--kernel-memory must be at least 0"),
        ({"ema_decay": 1.0}, "--ema-decay must be at least 0 and below 1"),
        ({"accumulate": 3}, "--batch-size 4 is not divisible by --accumulate 3"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"seed": 2**63}, "--seed must be at least 0 and below"),
        *(({name: "other"}, f"--{name.replace('_', '-')} must be one of") for name in CHOICES),
    ],
)
def test_impossible_runs_are_refused(train_config, values, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(train_config, **values)
