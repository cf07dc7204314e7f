import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.blocks.layers import Head, NAFBlock, ResidualBottleneck, gelu, simple_gate


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def randomized(module, x, seed=0):
    """Parameters of a module with no zero among them."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), x)["params"]
    leaves, structure = jax.tree.flatten(shapes)
    return structure.unflatten([0.5 * normal(seed + i, *leaf.shape) for i, leaf in enumerate(leaves)])


def exact(tree):
    return jax.tree.map(np.float64, tree)


def convolved(x, layer):
    """Convolution by the definition, in double precision."""
    kernel, size = layer["kernel"], layer["kernel"].shape[0]
    padded = np.pad(x, ((0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)))
    out = np.zeros((*x.shape[:3], kernel.shape[-1]))
    for row, column in np.ndindex(size, size):
        window = padded[:, row : row + x.shape[1], column : column + x.shape[2]]
        out += window * kernel[row, column] if kernel.ndim == 3 else window @ kernel[row, column]
    return out + layer["bias"]


def normalized(x, layer):
    centered = x - x.mean(-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(-1, keepdims=True) + 1e-6) * layer["scale"] + layer["bias"]


def naf_block(x, p):
    """NAFNet's block as its paper writes it."""

    def gate(u):
        return u[..., : u.shape[-1] // 2] * u[..., u.shape[-1] // 2 :]

    u = gate(convolved(convolved(normalized(x, p["norm_spatial"]), p["expand_spatial"]), p["depthwise"]))
    u = u * convolved(u.mean((1, 2), keepdims=True), p["attention"])
    x = x + p["beta"] * convolved(u, p["project_spatial"])
    v = gate(convolved(normalized(x, p["norm_channel"]), p["expand_channel"]))
    return x + p["gamma"] * convolved(v, p["project_channel"])


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_gelu_is_the_exact_form():
    x = np.linspace(-6, 6, 49, dtype=np.float32)
    expected = [v * math.erfc(-v / math.sqrt(2)) / 2 for v in np.float64(x)]
    np.testing.assert_allclose(gelu(jnp.asarray(x)), expected, rtol=1e-4, atol=2e-7)  # the tanh form is 3e-4 off


def test_simple_gate_multiplies_the_halves():
    np.testing.assert_array_equal(simple_gate(jnp.array([[1.0, 2.0, 3.0, 5.0]])), [[3.0, 10.0]])


def test_naf_block_equals_its_definition_in_double_precision():
    x = normal(0, 2, 4, 6, 4)
    params = randomized(NAFBlock(), x)
    assert_close(NAFBlock().apply({"params": params}, x), naf_block(np.float64(x), exact(params)))


def test_naf_block_begins_as_the_identity():
    x = normal(0, 1, 4, 4, 4)
    np.testing.assert_array_equal(NAFBlock().apply(NAFBlock().init(jax.random.key(0), x), x), x)


def test_residual_bottleneck_equals_its_definition_in_double_precision():
    x = normal(0, 2, 4, 6, 4)
    params = randomized(ResidualBottleneck(), x)
    p, u = exact(params), np.float64(x)
    for name in ("reduce", "spatial"):
        u = np.maximum(convolved(u, p[name]), 0)
    assert p["spatial"]["kernel"].shape == (3, 3, 2, 2)
    assert_close(ResidualBottleneck().apply({"params": params}, x), np.float64(x) + convolved(u, p["expand"]))


def test_head_equals_its_definition_in_double_precision():
    x = normal(0, 1, 4, 4, 5)
    module = Head(3, (4, 6))
    params = randomized(module, x)
    p, u = exact(params), np.float64(x)
    erfc = np.vectorize(math.erfc)
    for name in ("first", "second"):
        u = convolved(u, p[name])
        u = u * erfc(-u / math.sqrt(2)) / 2
    assert_close(module.apply({"params": params}, x), convolved(u, p["last"]))


@pytest.mark.parametrize("place", [(0, 0), (3, 2)])
def test_attention_lets_every_output_depend_on_the_whole_plane(place):
    x = normal(0, 1, 4, 4, 2)
    params = randomized(NAFBlock(), x)
    gradient = jax.grad(lambda x: NAFBlock().apply({"params": params}, x)[0, 0, 0, 0])(x)
    assert (gradient[0, place[0], place[1]] != 0).any()
