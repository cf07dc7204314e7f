"""Tables from the integers of hyper-latent and decoded slices: exact, causal, and no change to begin with."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.cca import CCAModel
from cca_jax.model.coding import coding_steps
from cca_jax.model.integer_network.arithmetic import integer_bias, integer_kernel
from cca_jax.model.integer_network.rate import IntegerRate
from cca_jax.model.integer_network.scales import ExactScales
from cca_jax.model.integer_network.surprise import EXPECTED, LEVELS
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.model.parameters.shapes import flatten, unflatten
from cca_jax.model.rates import RatePoint
from cca_jax.ops.valid_region import ValidRegion

GENERATOR = np.random.default_rng(0)
INTEGERS = GENERATOR.integers(-40, 41, (1, 2, 1, 4)).astype(np.float32)
SYMBOLS = np.rint(GENERATOR.laplace(0, 4, (1, 8, 4, 12))).astype(np.float32)
RATE = IntegerRate(jnp.full((1, 1, 1, 1), 75.0), jnp.arange(-6.0, 6.0).reshape(1, 1, 1, 12))


def slices_of(config, array):
    return np.split(array, config.slice_edges[1:-1], axis=-1)


@pytest.fixture(scope="module")
def case(micro_context):
    """Four slices of three channels, so that the auxiliary rule, too, has contexts of several."""
    return dataclasses.replace(micro_context, num_slices=4, slice_exponent=0.0)


@pytest.fixture(scope="module")
def networks(case, draw_lively):
    """Of the main and of the auxiliary model: (integers, symbols, rate, extent) to the slices' tables."""
    drawn = draw_lively(case)
    every = {0: drawn["exact_scales"], 1: drawn["auxiliary"]["exact_scales"]}
    for own in every.values():  # the hyper-latent says much, too
        own["last"] = {**own["last"], "kernel": 16 * own["last"]["kernel"]}

    def run(skip, integers, symbols, rate=RATE, region=None):
        arguments = (jnp.asarray(integers), [jnp.asarray(own) for own in slices_of(case, symbols)], rate, region)
        return ExactScales(case, skip).apply({"params": every[skip]}, *arguments, method="of_symbols")

    return run, every


def convolved(x, layer, bias_bits):
    kernel = np.asarray(integer_kernel(layer["kernel"])).astype(np.int64)
    bias = np.asarray(integer_bias(layer["bias"])).astype(np.int64)
    side, (height, width) = len(kernel), x.shape[1:3]
    around = side // 2
    padded = np.pad(x, ((0, 0), (around, around), (around, around), (0, 0)))
    sums = [padded[:, r : r + height, c : c + width] @ kernel[r, c] for r in range(side) for c in range(side)]
    return sum(sums) + (bias << bias_bits)


def divided(x, bits):
    """Halves to even; float64 holds these quotients exactly."""
    return np.rint(x / 2**bits).astype(np.int64)


def in_numpy(case, params, skip, integers, symbols, rate=RATE):
    """All in 64-bit integers, as docs/file/format.md has it."""
    factor, shift = (64, 0) if rate is None else (int(rate.factor[0, 0, 0, 0]), np.asarray(rate.shift).astype(np.int64))
    x = np.clip(divided(np.clip(integers.astype(np.int64), -127, 127) * factor, 4), -127, 127)
    for name, bias_bits, bits in (("first", 2, 6), ("second", 4, 8)):
        x = np.clip(divided(convolved(x, params[name], bias_bits), bits), 0, 127)
        _, height, width, _ = x.shape
        x = x.reshape(1, height, width, 2, 2, -1).transpose(0, 1, 3, 2, 4, 5).reshape(1, 2 * height, 2 * width, -1)
    sums, reported = convolved(x, params["last"], 8), np.zeros((*x.shape[:3], 1), np.int64)
    if rate is not None:
        reported += np.clip(4 * shift[..., :1], -127, 127)
    surprises, actual = [], []
    for index, own in enumerate(slices_of(case, symbols.astype(np.int64))):
        channels = slice(*case.slice_edges[index : index + 2])
        total = sums[..., channels]
        if context := surprises[: max(0, index - skip)]:
            branch = params[f"context_{index}"]
            a = divided(convolved(np.concatenate(context, -1), branch["symbols"], 2), 6)
            a = np.clip(a + divided(convolved(np.concatenate([x, reported], -1), branch["hyper"], 4), 8), 0, 127)
            a = np.clip(divided(convolved(a, branch["second"], 4), 8), 0, 127)
            total = total + convolved(a, branch["last"], 8)
        actual.append(np.clip(divided(total, 12) - (shift if rate is None else shift[..., channels]), 0, 63))
        levels = sum((np.abs(own) >= bound).astype(np.int64) for bound in LEVELS)
        surprises.append(4 * levels - np.array(EXPECTED)[actual[-1]])
    return actual


@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("rate", [None, RATE])
def test_tables_equal_those_of_64_bit_integers(case, networks, skip, rate):
    run, params = networks
    for precision in ("float32", "bfloat16"):
        with jax.default_matmul_precision(precision):
            compiled = jax.jit(lambda *arguments: run(skip, *arguments, rate)).lower(INTEGERS, SYMBOLS).compile()
        for x, symbols in ((INTEGERS, SYMBOLS), (127 + 0 * INTEGERS, 10**6 + 0 * SYMBOLS), (INTEGERS, 0 * SYMBOLS)):
            expected = in_numpy(case, params[skip], skip, x, symbols, rate)
            for ours, theirs in zip(compiled(x, symbols), expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)
    assert len(np.unique(np.concatenate(in_numpy(case, params[skip], skip, INTEGERS, SYMBOLS), -1))) > 20


@pytest.mark.parametrize("skip", [0, 1])
def test_tables_depend_on_exactly_the_slices_of_the_rule(case, networks, skip):
    run = jax.jit(networks[0], static_argnums=0)
    before = run(skip, INTEGERS, SYMBOLS)
    for changed in range(4):
        symbols = SYMBOLS.copy()
        symbols[..., 3 * changed : 3 * changed + 3] *= 7
        symbols[..., 3 * changed : 3 * changed + 3] += 9
        moved = [bool((a != b).any()) for a, b in zip(before, run(skip, INTEGERS, symbols), strict=True)]
        assert moved == [changed < index - skip for index in range(4)]


def test_a_branch_that_has_learned_nothing_changes_nothing(case):
    drawn = jax.tree.map(jnp.asarray, initial_params(case, 0))
    plain = dataclasses.replace(case, scale_source="hyperprior_exact")
    base = {k: v for k, v in drawn["exact_scales"].items() if not k.startswith("context_")}
    base["last"] = {**base["last"], "kernel": 16 * base["last"]["kernel"]}
    expected = ExactScales(plain).apply({"params": base}, jnp.asarray(INTEGERS), RATE)
    symbols = [jnp.asarray(own) for own in slices_of(case, SYMBOLS)]
    arguments = ({"params": {**drawn["exact_scales"], **base}}, jnp.asarray(INTEGERS), symbols, RATE)
    actual = ExactScales(case).apply(*arguments, method="of_symbols")
    np.testing.assert_array_equal(np.concatenate(actual, -1), expected)
    assert len(np.unique(expected)) > 10


def test_what_lies_outside_the_image_is_not_seen(networks):
    run, _ = networks
    bucket, symbols = np.full((1, 3, 2, 4), 99, np.float32), np.full((1, 12, 8, 12), 0, np.float32)
    bucket[:, :2, :1], symbols[:, :8, :4] = INTEGERS, SYMBOLS
    actual = run(0, bucket, symbols, RATE, ValidRegion(jnp.array([2, 1]), (3, 2)))
    for inside, alone in zip(actual, run(0, INTEGERS, SYMBOLS), strict=True):
        np.testing.assert_array_equal(inside[:, :8, :4], alone)


@pytest.mark.parametrize("compiled", [True, False])
def test_slice_by_slice_as_a_decoder_goes_is_all_at_once(case, draw_lively, compiled):
    model, params = CCAModel(case), draw_lively(case)
    z, y = jnp.asarray(INTEGERS, jnp.int32), jnp.asarray(SYMBOLS, jnp.int32)
    rate = RatePoint(jnp.ones(1), integer=RATE)
    whole = coding_steps.indexes_of_symbols(model, params, z, y, None, rate)
    with jax.disable_jit(not compiled):
        hyper = coding_steps.scale_sums(model, params, z, None, rate)
        context = []
        for index, own in enumerate(slices_of(case, np.asarray(y))):
            tables = coding_steps.slice_indexes(model, index, params, hyper, context, None, rate)
            np.testing.assert_array_equal(tables, whole[..., slice(*case.slice_edges[index : index + 2])])
            context.append((own, tables))


def test_no_sum_can_reach_where_floats_end(case):
    """The largest symbols and activations under the largest weights: 2**24 is beyond them, by the configuration."""
    largest = dataclasses.replace(
        case, latent_channels=248, num_slices=2, slice_exponent=0.0, explicit_slices=(244, 4),
        scale_channels=100, scale_context_channels=107,
    )  # fmt: skip
    arrays = flatten(initial_params(largest, 0, auxiliary=False)["exact_scales"])
    params = unflatten({name: jnp.full(value.shape, 99.0) for name, value in arrays.items()})
    x = np.full((1, 1, 1, largest.hyper_channels), 127.0, np.float32)
    symbols = [jnp.full((1, 4, 4, count), 1e6) for count in largest.slice_sizes]
    hyper = ExactScales(largest).apply({"params": params}, jnp.asarray(x), None, method="of_hyper")
    branch = 127 * 127 * 107 + 1023 * 256
    assert 0.95 * 2**24 < float(hyper.sums.max()) + branch < 2**24
    assert 0.95 * 2**24 < 9 * 244 * 60 * 127 + 4 * 1023 < 2**24
    actual = ExactScales(largest).apply({"params": params}, jnp.asarray(x), symbols, method="of_symbols")
    assert all((own == 63).all() for own in actual)


def test_likelihoods_take_gradients_to_all_branches_and_through_the_symbols(case, draw_lively):
    params = {"params": draw_lively(case)["exact_scales"]}
    symbols = [jnp.asarray(own) for own in slices_of(case, SYMBOLS)]

    def total(params, symbols):
        actual = ExactScales(case).apply(params, jnp.asarray(INTEGERS), symbols, RATE, method="of_symbols")
        return sum(jnp.square(own - 20).sum() for own in actual)

    to_params, to_symbols = jax.grad(total, (0, 1))(params, symbols)
    silent = [name for name, leaf in flatten(to_params["params"]).items() if not (leaf != 0).any()]
    assert silent == []
    assert [bool((leaf != 0).any()) for leaf in to_symbols] == [True, True, True, False]
