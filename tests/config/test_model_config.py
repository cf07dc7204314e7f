import dataclasses

import pytest

from cca_jax.config import ModelConfig

_CONTEXT_EXACT = {"scale_source": "context_exact", "hyper_channels": 48}


@pytest.mark.parametrize(
    ("channels", "count", "exponent", "sizes"),
    [(10, 3, 0.0, (3, 3, 4)), (12, 3, 1.7, (1, 3, 8)), (7, 1, 1.7, (7,)), (15, 5, 1.0, (1, 2, 3, 4, 5))],
)
def test_slice_sizes_by_hand(channels, count, exponent, sizes):
    config = ModelConfig(latent_channels=channels, num_slices=count, slice_exponent=exponent)
    assert config.slice_sizes == sizes


def test_edges_and_rates():
    config = ModelConfig(rate_weights=[4, 1])
    assert (config.slice_edges, config.rate_weights) == ((0, 8, 36, 92, 184, 320), (4.0, 1.0))
    assert [config.num_rates, ModelConfig().num_rates] == [2, 1]


def test_lists_are_taken_and_the_configuration_is_hashable():
    config = ModelConfig(transform_channels=[192, 224, 256], head_channels=[224, 128])
    assert hash(config) == hash(ModelConfig())
    assert config.transform_channels == (192, 224, 256)


def test_fields_left_out_take_the_defaults_and_unknown_ones_are_refused():
    assert ModelConfig.from_dict({"hyper_channels": 8}) == ModelConfig(hyper_channels=8)
    with pytest.raises(ValueError, match=r"unknown configuration keys beta, gamma; known are latent_channels"):
        ModelConfig.from_dict({"gamma": 1, "beta": 2})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"latent_channels": 0}, "latent_channels must hold whole numbers of at least 1"),
        ({"latent_channels": 4.0}, "latent_channels must hold whole numbers"),
        ({"latent_channels": True}, "latent_channels must hold whole numbers"),
        ({"context_blocks": -1}, "context_blocks must hold whole numbers of at least 0"),
        ({"transform_blocks": (1, 2)}, "transform_blocks needs 3 numbers"),
        ({"transform_channels": (4, 5, 6)}, "transform_channels must be even"),
        ({"head_channels": (4, "8")}, "head_channels must hold whole numbers"),
        ({"slice_exponent": float("nan")}, "slice_exponent must be a number from -10 to 10"),
        ({"slice_exponent": -11.0}, "slice_exponent must be a number from -10 to 10"),
        ({"slice_exponent": "2"}, "slice_exponent must be a number"),
        ({"num_slices": 31, "slice_exponent": 0.0}, "num_slices must be at most 30"),
        ({"head_channels": 8}, "head_channels needs 2 numbers"),
        ({"latent_channels": 8}, "leave an empty slice"),
        ({"rate_weights": (2.0,)}, "at least two that fall"),
        ({"rate_weights": (1.0, 2.0)}, "at least two that fall"),
        ({"rate_weights": (1.0, 0.0)}, "stay above 0"),
        ({"rate_weights": (float("inf"), 1.0)}, "at least two that fall"),
        ({"rate_weights": "12"}, "rate_weights must be numbers"),
        ({"rate_weights": (2.0, True)}, "rate_weights must be numbers"),
        ({"scale_source": "hyperprior"}, "scale_source must be one of context, hyperprior_exact"),
        ({"latent_density": "normal"}, "latent_density must be one of gaussian, laplacian"),
        ({"scale_source": "hyperprior_exact"}, "hyper_channels must be at most 112"),
        ({"scale_channels": 0}, "scale_channels must hold whole numbers"),
        ({"scale_context_channels": 0}, "scale_context_channels must hold whole numbers"),
        ({"hyper_width": -1}, "hyper_width must hold whole numbers of at least 0"),
        ({"analysis_blocks": (1, 2)}, "analysis_blocks needs 3 numbers"),
        ({"analysis_blocks": (1, 2, -1)}, "analysis_blocks must hold whole numbers of at least 0"),
        ({"explicit_slices": 320}, "explicit_slices needs several numbers"),
        ({"explicit_slices": (160, 160)}, "explicit_slices must be 5 numbers"),
        ({"explicit_slices": (8, 28, 56, 92, 137)}, "that sum to 320"),
        ({"explicit_slices": (0, 0, 0, 0, 320)}, "explicit_slices must hold whole numbers of at least 1"),
        ({**_CONTEXT_EXACT, "hyper_channels": 113}, "hyper_channels must be at most 112 with context_exact"),
        ({**_CONTEXT_EXACT, "explicit_slices": (41, 51, 51, 102, 75)}, "have 245 channels: context_exact reads 244"),
        ({**_CONTEXT_EXACT, "scale_channels": 106, "scale_context_channels": 54}, "must be at most 1007 with"),
    ],
)
def test_impossible_sizes_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**values)


def test_what_may_differ_from_its_rule():
    config = ModelConfig(explicit_slices=[20, 40, 60, 80, 120], analysis_blocks=[1, 2, 3], hyper_width=9)
    assert config.slice_sizes == (20, 40, 60, 80, 120)
    assert (config.encoder_blocks, ModelConfig().encoder_blocks) == ((1, 2, 3), (4, 4, 4))
    assert (config.hyper_hidden, ModelConfig().hyper_hidden) == (9, 256)
    assert ModelConfig(**_CONTEXT_EXACT, scale_channels=106, scale_context_channels=53).exact_scales


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().latent_channels = 8


def test_parts_are_named(micro):
    assert "transforms" in micro.to_dict()
    assert "transforms" in dataclasses.replace(micro, transforms="gdn").to_hash()
    for value in (None, "", 3):
        with pytest.raises(ValueError, match="context_rule must be the name of a part"):
            dataclasses.replace(micro, context_rule=value)
