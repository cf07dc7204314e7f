import dataclasses
import json

import pytest

from cca_jax.config import PRESETS, read_config_file, resolve_config


def test_a_file_names_the_preset_that_it_changes_or_is_complete(micro, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"preset": "lite", "latent_channels": 292, "explicit_slices": [6, 22, 45, 73, 146]}))
    changed = dataclasses.replace(PRESETS["lite"], latent_channels=292, explicit_slices=(6, 22, 45, 73, 146))
    assert read_config_file(str(file)) == (changed, "lite")
    old = micro.to_hash()  # as written before the later fields were there
    assert "transforms" not in old
    file.write_text(json.dumps(old))
    assert read_config_file(str(file)) == (micro, None)
    file.write_text(json.dumps({"latent_channels": 96, "num_slices": 3}))
    with pytest.raises(ValueError, match=r"leaves out hyper_channels, .* or name the preset .*\{\"preset\": \"lite\""):
        resolve_config(str(file))
    file.write_text(json.dumps({"preset": "light", "num_slices": 3}))
    with pytest.raises(ValueError, match=r"its preset is 'light', which must be one of .*lite"):
        resolve_config(str(file))


def test_a_preset_by_name_or_by_file(micro, tmp_path):
    (tmp_path / "micro.json").write_text(json.dumps(micro.to_dict()))
    assert resolve_config("paper") == PRESETS["paper"]
    assert resolve_config(str(tmp_path / "micro.json")) == micro
    with pytest.raises(ValueError, match="no preset 'papr': choose lite"):
        resolve_config("papr")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ValueError, match=r"holds no configuration .*its keys are those of ModelConfig"):
        resolve_config(str(tmp_path / "list.json"))
