import dataclasses

import jax
import numpy as np
import pytest

from cca_jax.config import ModelConfig
from cca_jax.convert import params_from_torch, torch_from_params
from cca_jax.convert.names import normalize_name
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.model.parameters.shapes import flatten

# Names and shapes as the released code has them for these sizes, written down from its description, not from our table.
KNOWN = {
    "g_a.down.0.weight": (4, 3, 5, 5),
    "g_a.down.3.weight": (12, 6, 5, 5),
    "g_a.blocks.2.0.conv2.weight": (3, 3, 3, 3),
    "g_a.blocks.2.1.dwconv.1.weight": (12, 1, 3, 3),
    "g_a.blocks.2.2.beta": (1, 6, 1, 1),
    "g_s.up.0.weight": (12, 6, 5, 5),
    "g_s.up.3.weight": (4, 3, 5, 5),
    "g_s.blocks.0.0.sca.1.weight": (6, 6, 1, 1),
    "g_s.blocks.0.1.FFN.2.bias": (6,),
    "g_s.blocks.0.2.conv3.weight": (6, 3, 1, 1),
    "h_a.0.weight": (6, 12, 3, 3),
    "h_mean_s.4.weight": (6, 12, 3, 3),
    "h_scale_s.0.weight": (4, 6, 5, 5),
    "mean_NAF_transforms.2.in_conv.weight": (4, 16, 1, 1),
    "scale_NAF_transforms.1.blocks.0.norm1.weight": (4,),
    "scale_NAF_transforms.2.out_conv.weight": (16, 4, 1, 1),
    "mean_cc_transforms.1.0.weight": (4, 13, 3, 3),
    "scale_cc_transforms.2.4.weight": (8, 4, 3, 3),
    "lrp_transforms.2.0.weight": (4, 24, 3, 3),
    "z_entropy_bottleneck.matrices.1": (4, 3, 3),
    "z_entropy_bottleneck.biases.4": (4, 1, 1),
    "z_entropy_bottleneck.quantiles": (4, 1, 3),
    "aux_entropymodel.mean_NAF_transforms.2.in_conv.weight": (4, 13, 1, 1),
    "aux_entropymodel.lrp_transforms.0.4.bias": (1,),
    "aux_entropymodel.y_entropy_bottleneck.factors.3": (12, 3, 1),
}


@pytest.fixture(scope="module")
def config(micro):
    """Two NAFBlocks at the coarsest stage and one in the slices, so that every kind of stacking occurs."""
    return dataclasses.replace(micro, transform_blocks=(0, 0, 2), context_blocks=1)


@pytest.fixture(scope="module")
def state_dict(config):
    """Random arrays under the released names, with every number its own."""
    generator = np.random.default_rng(0)
    named = torch_from_params(initial_params(config, 0), config)
    return {name: generator.standard_normal(array.shape, dtype=np.float32) for name, array in named.items()}


def same(actual, expected):
    actual, expected = flatten(actual), flatten(expected)
    assert actual.keys() == expected.keys()
    for name, array in actual.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


@pytest.mark.parametrize(("name", "shape"), KNOWN.items())
def test_released_names_and_layouts(state_dict, name, shape):
    assert state_dict[name].shape == shape


def test_both_directions_are_inverse(state_dict, config):
    params = params_from_torch(state_dict, config)
    again = torch_from_params(params, config)
    assert again.keys() == state_dict.keys()
    for name, array in state_dict.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)
    same(params_from_torch(again, config), params)


def test_no_number_is_lost_or_used_twice(state_dict, config):
    params = params_from_torch(state_dict, config)
    ours = np.sort(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)]))
    theirs = np.sort(np.concatenate([np.ravel(array) for array in state_dict.values()]))
    np.testing.assert_array_equal(ours, theirs)


def test_where_kernels_go(state_dict, config):
    params = params_from_torch(state_dict, config)
    down, up = params["analysis"]["down_3"]["kernel"], params["synthesis"]["up_0"]["kernel"]
    assert down[1, 2, 3, 7] == state_dict["g_a.down.3.weight"][7, 3, 1, 2]  # OIHW
    assert up[1, 2, 7, 3] == state_dict["g_s.up.0.weight"][7, 3, 1, 2]  # IOHW
    blocks = params["synthesis"]["naf_0"]["blocks"]["depthwise"]["kernel"]
    assert blocks[1, 2, 0, 5] == state_dict["g_s.blocks.0.1.dwconv.1.weight"][5, 0, 2, 0]
    scale = params["slices"]["predictors_2"]["head"]["last"]["bias"]
    np.testing.assert_array_equal(scale, [state_dict[f"{kind}_cc_transforms.2.4.bias"] for kind in ("mean", "scale")])


def test_prefixes_old_names_and_buffers_are_understood(state_dict, config):
    def old(name):
        for now, then in (("matrices.", "_matrix"), ("biases.", "_bias"), ("factors.", "_factor")):
            name = name.replace("entropy_bottleneck." + now, "entropy_bottleneck." + then)
        return "module." + name

    dressed = {old(name): array for name, array in state_dict.items()}
    assert "module.aux_entropymodel.y_entropy_bottleneck._matrix0" in dressed
    prior = "module.z_entropy_bottleneck."
    buffers = [
        prior + name for name in ("_quantized_cdf", "_offset", "_cdf_length", "target", "likelihood_lower_bound.bound")
    ]
    buffers += ["module.gaussian_conditional.scale_table", "module.gaussian_conditional.lower_bound_scale.bound"]
    dressed.update({name: np.zeros(3) for name in buffers})
    same(params_from_torch(dressed, config), params_from_torch(state_dict, config))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("module.z_entropy_bottleneck._factor3", "z_entropy_bottleneck.factors.3"),
        ("z_entropy_bottleneck.matrices.0", "z_entropy_bottleneck.matrices.0"),
        ("g_a.blocks.0.0.conv1.bias", "g_a.blocks.0.0.conv1.bias"),
        ("model._orig_mod.module.g_a.module.down.0.bias", "g_a.down.0.bias"),
        ("ema.module.aux_entropymodel.lrp_transforms.0.4.bias", "aux_entropymodel.lrp_transforms.0.4.bias"),
    ],
)
def test_normalized_names(given, expected):
    assert normalize_name(given) == expected


def test_the_auxiliary_model_is_taken_where_there_is_one_unless_told(state_dict, config):
    main = {name: array for name, array in state_dict.items() if not name.startswith("aux_entropymodel.")}
    assert "auxiliary" in params_from_torch(state_dict, config)
    assert "auxiliary" in params_from_torch(state_dict, config, auxiliary=True)
    assert "auxiliary" not in params_from_torch(state_dict, config, auxiliary=False)
    same(params_from_torch(main, config), params_from_torch(state_dict, config, auxiliary=False))
    with pytest.raises(ValueError, match=r"lacks aux_entropymodel\..* and \d+ more"):
        params_from_torch(main, config, auxiliary=True)


@pytest.mark.parametrize("name", ["g_a.down.0.bias", "lrp_transforms.1.2.weight", "z_entropy_bottleneck.quantiles"])
def test_a_missing_array_is_named(state_dict, config, name):
    partial = {key: array for key, array in state_dict.items() if key != name}
    with pytest.raises(ValueError, match=f"lacks {name}"):
        params_from_torch(partial, config)


def test_an_extra_array_is_named(state_dict, config):
    with pytest.raises(ValueError, match=r"has unknown g_a\.down\.4\.weight"):
        params_from_torch({**state_dict, "g_a.down.4.weight": np.zeros(3)}, config)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("g_a.down.0.weight", (4, 3, 3, 3), r"\(4, 3, 3, 3\), the configuration needs \(4, 3, 5, 5\)"),
        ("g_a.down.1.bias", (5,), r"g_a.down.1.bias has shape \(5,\), the configuration needs \(4,\)"),
        ("h_a.0.weight", (6, 12), "h_a.0.weight"),
        ("z_entropy_bottleneck.biases.0", (4,), "z_entropy_bottleneck.biases.0"),
        ("g_a.blocks.2.1.gamma", (1, 7, 1, 1), "g_a.blocks.2.1.gamma"),
        ("mean_cc_transforms.0.0.weight", (4, 12, 5, 5), "mean_cc_transforms.0.0.weight"),
    ],
)
def test_an_array_of_another_shape_is_named(state_dict, config, name, shape, message):
    with pytest.raises(ValueError, match=message):
        params_from_torch({**state_dict, name: np.zeros(shape, np.float32)}, config)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_named(state_dict, config, value):
    broken = state_dict["h_a.2.bias"].copy()
    broken[1] = value
    with pytest.raises(ValueError, match=r"h_a\.2\.bias holds numbers that are not finite"):
        params_from_torch({**state_dict, "h_a.2.bias": broken}, config)


def test_parameters_without_a_place_in_the_released_code_are_refused(config):
    params = initial_params(config, 0)
    params["rates"] = {"log_step": np.zeros(3)}
    with pytest.raises(ValueError, match="no place for rates/log_step"):
        torch_from_params(params, config)


def test_weights_of_other_sizes_are_refused(state_dict):
    with pytest.raises(ValueError, match="does the configuration match its sizes"):
        params_from_torch(state_dict, ModelConfig())
