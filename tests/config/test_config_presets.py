import dataclasses
import json

import pytest

from cca_jax.config import PRESETS, ModelConfig


def test_released_slices_and_sizes():
    paper = PRESETS["paper"]
    assert paper == ModelConfig()
    assert paper.slice_sizes == (8, 28, 56, 92, 136)
    assert (paper.latent_channels, paper.hyper_channels, paper.transform_channels) == (320, 192, (192, 224, 256))


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_slices_cut_the_whole_latent_and_grow(name):
    sizes = PRESETS[name].slice_sizes
    assert sum(sizes) == PRESETS[name].latent_channels
    assert list(sizes) == sorted(sizes)
    assert len(sizes) == PRESETS[name].num_slices


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_json_round_trip(name):
    config = PRESETS[name]
    values = json.loads(json.dumps(config.to_dict()))
    assert ModelConfig.from_dict(values) == config
    assert set(values) == {field.name for field in dataclasses.fields(ModelConfig)}
