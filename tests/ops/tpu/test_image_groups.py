import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.blocks.layers import NAFBlock, ResidualBottleneck
from cca_jax.model.blocks.stacks import BlockStack
from cca_jax.ops import platform
from cca_jax.ops.tpu import image_groups
from cca_jax.ops.tpu.image_groups import blocks_in_image_groups, group_size


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def assert_same(found, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max()), found, expected)


def value_and_gradients(function, *arguments):
    value, pullback = jax.vjp(function, *arguments)
    return value, pullback(normal(9, *value.shape))


def scaled(params, x):
    return jnp.tanh(x * params["scale"][None, None, None]) + x.mean((1, 2), keepdims=True)


@pytest.fixture
def two_images_a_turn(monkeypatch):
    monkeypatch.setattr(image_groups, "GROUP_BYTES", 2 * 4 * 4 * 3 * 4)


@pytest.mark.parametrize(
    ("shape", "dtype", "size"),
    [
        ((8, 128, 128, 192), jnp.bfloat16, 1),  # 6 MiB an image
        ((8, 64, 64, 224), jnp.bfloat16, 4),  # 1.75 MiB
        ((6, 64, 64, 224), jnp.bfloat16, 3),  # 4 do not divide 6
        ((8, 64, 64, 224), jnp.float32, 2),
        ((8, 32, 32, 256), jnp.bfloat16, 8),
        ((8, 512, 512, 192), jnp.bfloat16, 1),
    ],
)
def test_as_many_images_as_fit_and_divide_the_batch(shape, dtype, size):
    sizes = []
    jax.eval_shape(lambda x: sizes.append(group_size(x)), jax.ShapeDtypeStruct(shape, dtype))
    assert sizes == [size]


def one_after_the_other(params, x):
    for scale in params["scale"]:
        x = scaled({"scale": scale}, x)
    return x


@pytest.mark.parametrize("blocks", [1, 3])
def test_values_and_gradients_are_those_of_all_images_at_once(two_images_a_turn, blocks):
    arguments = {"scale": normal(0, blocks, 3)}, normal(1, 6, 4, 4, 3)
    assert group_size(arguments[1]) == 2
    found = value_and_gradients(lambda params, x: blocks_in_image_groups(scaled, params, x), *arguments)
    assert_same(found, value_and_gradients(one_after_the_other, *arguments))


def test_only_what_enters_and_leaves_blocks_is_kept(two_images_a_turn):
    params, x = {"scale": normal(0, 3, 3)}, normal(1, 6, 4, 4, 3)
    _, pullback = jax.vjp(lambda params, x: blocks_in_image_groups(scaled, params, x), params, x)
    assert sorted(leaf.shape for leaf in jax.tree.leaves(pullback)) == [(3, 3), (12, 2, 4, 4, 3)]


def test_gradients_to_parameters_keep_their_type(two_images_a_turn):
    def narrow(params, x):
        return scaled(params, x).astype(x.dtype)

    params, x = {"scale": normal(0, 2, 3)}, normal(1, 6, 4, 4, 3).astype(jnp.bfloat16)
    value, pullback = jax.vjp(lambda params, x: blocks_in_image_groups(narrow, params, x), params, x)
    to_params, to_x = pullback(value)
    assert (to_params["scale"].dtype, to_x.dtype) == (jnp.float32, jnp.bfloat16)


@pytest.mark.parametrize("members", [None, 2])
@pytest.mark.parametrize("block", [NAFBlock, ResidualBottleneck])
def test_a_stack_of_blocks_computes_on_tpus_what_its_definition_says(block, members, monkeypatch):
    model, x = BlockStack(block, 2), normal(0, 2, 8, 6, 4)
    params = jax.tree.map(lambda v: v + 0.5 * normal(1, *v.shape), model.init(jax.random.key(0), x))
    apply = model.apply
    if members:
        params, x = jax.tree.map(lambda v: jnp.stack([v, 2 * v]), (params, x))
        apply = jax.vmap(model.apply)
    expected = value_and_gradients(apply, params, x)
    monkeypatch.setattr(platform, "of_program", lambda: "tpu")
    monkeypatch.setattr(image_groups, "GROUP_BYTES", 1)
    assert_same(value_and_gradients(apply, params, x), expected)
