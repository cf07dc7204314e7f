import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.config import PRESETS
from cca_jax.model.parameters import initialize
from cca_jax.model.parameters.initialize import initial_params, parameter_count
from cca_jax.model.parameters.shapes import check_shapes, flatten, parameter_shapes, unflatten

SEEDS = 128


@pytest.fixture(scope="module")
def drawn(micro):
    """Arrays of many seeds, [SEEDS, ...] by name."""
    every = [flatten(initial_params(micro, seed)) for seed in range(SEEDS)]
    return {name: np.stack([arrays[name] for arrays in every]) for name in every[0]}


@pytest.fixture
def bounds(micro_model, monkeypatch):
    """What the modules' own initialisers give, with every uniform draw replaced by its bound."""

    def bound(key, shape, dtype, low, high):
        assert low == -high
        return jnp.full(shape, high, dtype)

    monkeypatch.setattr(jax.random, "uniform", bound)
    initialize = jax.jit(lambda key: micro_model.init(key, jnp.zeros((1, 64, 64, 3)))["params"])
    return {name: np.asarray(leaf) for name, leaf in flatten(initialize(jax.random.key(0))).items()}


@pytest.mark.usefixtures("quick_compilation")
def test_every_array_is_distributed_as_its_module_draws_it(drawn, bounds):
    assert drawn.keys() == bounds.keys()
    for name, array in drawn.items():
        bound, count = bounds[name], array.size
        assert array.shape == (SEEDS, *bound.shape), name
        if (array == array[0]).all():
            np.testing.assert_array_equal(array[0], bound, err_msg=name)
            continue
        # Of n uniform draws the largest is the bound but for a part of 1/n; mean and spread follow to 5 sigma.
        assert np.ptp(bound) == 0, name
        size = float(bound.flat[0])
        assert size * (1 - 12 / count) < np.abs(array).max() <= size * (1 + 1e-6), name
        assert abs(array.std() / size - 3**-0.5) < 5 * 0.3 / count**0.5, name
        assert abs(array.mean()) < 5 * size * (3 * count) ** -0.5, name


def test_bounds_of_known_layers(drawn):
    bounds = {
        "analysis/down_0/kernel": (25 * 3) ** -0.5,
        "analysis/down_3/bias": (25 * 6) ** -0.5,
        "synthesis/up_3/kernel": (25 * 3) ** -0.5,  # a transposed kernel's fan-in counts its output channels
        "synthesis/up_0/bias": (25 * 6) ** -0.5,
        "synthesis/naf_0/blocks/depthwise/kernel": 1 / 3,
        "hyper_prior/bias_2": 0.5,
    }
    for name, bound in bounds.items():
        assert 0.97 * bound < np.abs(drawn[name]).max() <= bound * (1 + 1e-6), name
    assert (drawn["synthesis/naf_0/blocks/beta"] == 0).all()
    assert (drawn["synthesis/naf_0/blocks/norm_channel/scale"] == 1).all()


def test_a_seed_gives_one_model_and_another_seed_another(micro):
    first, again, other = (flatten(initial_params(micro, seed)) for seed in (3, 3, 4))
    for name, array in first.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, again[name])
    kernels = [name for name in first if name.endswith("kernel")]
    assert all((first[name] != other[name]).all() for name in kernels)
    assert len({first[name].flat[0] for name in kernels}) == len(kernels)  # every array has its own stream


def test_the_main_model_is_the_same_with_and_without_the_auxiliary_one(micro):
    both, main = initial_params(micro, 0), initial_params(micro, 0, auxiliary=False)
    assert set(both) - set(main) == {"auxiliary"}
    jax.tree.map(np.testing.assert_array_equal, {name: both[name] for name in main}, main)


def test_the_paper_preset_has_the_published_number_of_parameters():
    counts = {name: math.prod(shape) for name, shape in parameter_shapes(PRESETS["paper"], True).items()}
    auxiliary = sum(count for name, count in counts.items() if name.startswith("auxiliary/"))
    assert round(auxiliary / 1e6, 2) == 29.27
    assert round((sum(counts.values()) - auxiliary) / 1e6, 2) == 64.99


@pytest.mark.parametrize(
    "name", ["rates/offset", "slices/predictors_0/blocks/delta", "hyper_prior/scale_0", "more/bias"]
)
def test_a_parameter_without_a_rule_is_no_parameter_of_zeros(micro, monkeypatch, name):
    shapes = {**parameter_shapes(micro, False), name: (4,)}
    monkeypatch.setattr(initialize, "parameter_shapes", lambda *_: shapes)
    with pytest.raises(ValueError, match=f"no rule for the first values of parameter {name}"):
        initial_params(micro, 0, auxiliary=False)


def test_parameter_count_counts_numbers(micro, micro_params):
    assert parameter_count(micro_params) == sum(map(np.prod, parameter_shapes(micro, True).values()))
    assert parameter_count({"a": np.zeros((2, 3)), "b": {"c": np.zeros(())}}) == 7


def test_flatten_is_undone(micro_params):
    flat = flatten(micro_params)
    assert flat["hyper_prior/quantiles"].shape == (4, 3)
    jax.tree.map(np.testing.assert_array_equal, unflatten(flat), micro_params)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda shapes: shapes.pop("hyper_prior/quantiles"), "1 missing parameters.*hyper_prior/quantiles"),
        (lambda shapes: shapes.update({"more/kernel": (1,)}), "1 unknown parameters.*more/kernel"),
        (lambda shapes: shapes.update({"hyper_prior/bias_0": (4, 2)}), r"hyper_prior/bias_0 has shape \(4, 2\)"),
    ],
)
def test_other_parameters_than_the_configurations_are_refused(micro, change, message):
    shapes = dict(parameter_shapes(micro, False))
    check_shapes(shapes, micro, False)
    change(shapes)
    with pytest.raises(ValueError, match=message):
        check_shapes(shapes, micro, False)
