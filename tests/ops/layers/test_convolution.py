from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cca_jax.ops import platform
from cca_jax.ops.layers import convolution
from cca_jax.ops.layers.convolution import conv2d, depthwise_conv2d, transposed_conv2d
from cca_jax.ops.planes import depth_to_space
from cca_jax.ops.tpu import convolution as tpu_convolution

LAYOUT = ("NHWC", "HWIO", "NHWC")


def naive_conv2d(x, kernel, stride):
    padding = kernel.shape[0] // 2
    return lax.conv_general_dilated(x, kernel, (stride,) * 2, [(padding, padding)] * 2, dimension_numbers=LAYOUT)


def naive_transposed_conv2d(x, kernel, stride):
    """PyTorch's definition, by input dilation: padding k // 2, output padding stride - 1."""
    size = kernel.shape[0]
    low = size - 1 - size // 2
    return lax.conv_general_dilated(
        x,
        kernel[::-1, ::-1],
        (1, 1),
        [(low, low + stride - 1)] * 2,
        lhs_dilation=(stride,) * 2,
        dimension_numbers=LAYOUT,
    )


def naive_depthwise_conv2d(x, kernel):
    channels = x.shape[3]
    return lax.conv_general_dilated(
        x, kernel[:, :, None], (1, 1), [(1, 1)] * 2, dimension_numbers=LAYOUT, feature_group_count=channels
    )


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


def pulled_back(function, *arguments):
    """Value, and the gradients of its inner product with a fixed random array."""

    @jax.jit
    def run(*arguments):
        value, pullback = jax.vjp(function, *arguments)
        return value, pullback(normal(9, *value.shape))

    return run(*arguments)


def assert_same(actual, expected):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-5 * np.abs(b).max()), actual, expected
    )


@pytest.fixture(params=["cpu", "gpu", "tpu"])
def backend(request, monkeypatch):
    """All lowerings, whatever this machine is."""
    monkeypatch.setattr(platform, "of_program", lambda: request.param)
    return request.param


@pytest.fixture(params=["few positions", "cpu", "gpu", "tpu"])
def lowering(request, monkeypatch):
    """All four, whatever this machine is."""
    monkeypatch.setattr(platform, "of_program", lambda: "cpu" if request.param == "few positions" else request.param)
    monkeypatch.setattr(tpu_convolution, "_LANES", 8)  # so that few outputs fill them
    monkeypatch.setattr(convolution, "_few_positions", lambda *_: request.param == "few positions")


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 7), (7, 3)])
@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 1), (5, 1), (5, 2)])
def test_conv2d_and_its_gradients(lowering, size, stride, inputs, outputs):
    x, kernel = normal(0, 2, 6, 10, inputs), normal(1, size, size, inputs, outputs)
    actual = pulled_back(lambda x, k: conv2d(x, k, stride, training=True), x, kernel)
    assert_same(actual, pulled_back(lambda x, k: naive_conv2d(x, k, stride), x, kernel))
    assert actual[0].shape == (2, 6 // stride, 10 // stride, outputs)


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 7), (7, 3), (5, 2)])
@pytest.mark.parametrize(("size", "stride"), [(3, 1), (5, 2)])
def test_transposed_conv2d_and_its_gradients(lowering, size, stride, inputs, outputs):
    x, kernel = normal(0, 2, 3, 5, inputs), normal(1, size, size, inputs, outputs)
    actual = pulled_back(lambda x, k: transposed_conv2d(x, k, stride, training=True), x, kernel)
    assert_same(actual, pulled_back(lambda x, k: naive_transposed_conv2d(x, k, stride), x, kernel))
    assert actual[0].shape == (2, 3 * stride, 5 * stride, outputs)


@pytest.mark.parametrize(("outputs", "training", "dilated"), [(3, True, False), (192, True, True), (192, False, False)])
def test_training_tpus_double_by_dilation_where_outputs_fill_lanes(monkeypatch, outputs, training, dilated):
    monkeypatch.setattr(platform, "of_program", lambda: "tpu")
    x, kernel = jnp.ones((1, 4, 4, 5)), jnp.ones((5, 5, 5, outputs))
    program = str(jax.make_jaxpr(lambda x, k: transposed_conv2d(x, k, 2, training))(x, kernel))
    assert ("lhs_dilation=(2, 2)" in program) == dilated


def test_gradients_to_an_image_rearrange_nothing_on_a_tpu(monkeypatch):
    monkeypatch.setattr(platform, "of_program", lambda: "tpu")
    x, kernel, image = jnp.ones((1, 4, 4, 5)), jnp.ones((5, 5, 5, 3)), jnp.ones((1, 8, 8, 3))
    _, pullback = jax.vjp(lambda x, k: transposed_conv2d(x, k, 2), x, kernel)
    program = str(jax.make_jaxpr(pullback)(image))
    assert "conv_general_dilated" in program
    assert "reshape" not in program


@pytest.mark.parametrize(("height", "rows"), [(5, 8), (6, 8), (7, 16), (16, 24)])
def test_rows_of_shifted_views_are_a_multiple_of_eight(height, rows):
    x = jax.ShapeDtypeStruct((1, height, 4, 3), jnp.float32)
    assert jax.eval_shape(tpu_convolution._columns_beside, x).shape == (1, rows, 4, 9)


@pytest.mark.parametrize(
    ("size", "images", "on_chip", "training", "by_rows"),
    [(3, 1, 2**25, True, True), (3, 1, 2**25, False, False), (3, 2, 2**25, True, False), (3, 1, 0, True, False),
     (5, 1, 2**25, True, False)],
)  # fmt: skip
def test_training_tpus_convolve_one_small_image_by_rows(monkeypatch, size, images, on_chip, training, by_rows):
    monkeypatch.setattr(platform, "of_program", lambda: "tpu")
    monkeypatch.setattr(tpu_convolution, "_ON_CHIP_BYTES", on_chip)
    x, kernel = normal(0, images, 6, 5, 3), normal(1, size, size, 3, 4)
    convolve = partial(conv2d, training=training)
    assert ("conv_general_dilated" not in str(jax.make_jaxpr(lambda x, k: convolve(x, k))(x, kernel))) == by_rows
    assert_same(pulled_back(convolve, x, kernel), pulled_back(lambda x, k: naive_conv2d(x, k, 1), x, kernel))


def test_bfloat16_is_shifted_in_float32_on_a_tpu_and_stays_the_same(monkeypatch):
    monkeypatch.setattr(platform, "of_program", lambda: "tpu")
    x, kernel = normal(0, 1, 6, 5, 4).astype(jnp.bfloat16), normal(1, 3, 3, 4)
    wide = jax.jit(lambda x, k: depthwise_conv2d(x, k))(x, kernel)
    assert "optimization_barrier" in str(jax.make_jaxpr(lambda x, k: depthwise_conv2d(x, k))(x, kernel))
    monkeypatch.setattr(tpu_convolution, "_ON_CHIP_BYTES", 0)
    assert "optimization_barrier" not in str(jax.make_jaxpr(lambda x, k: depthwise_conv2d(x, k))(x, kernel))
    np.testing.assert_array_equal(wide, jax.jit(lambda x, k: depthwise_conv2d(x, k))(x, kernel))


def test_depthwise_conv2d_of_a_large_plane_on_a_tpu(monkeypatch):
    monkeypatch.setattr(platform, "of_program", lambda: "tpu")
    monkeypatch.setattr(tpu_convolution, "_ON_CHIP_BYTES", 0)
    x, kernel = normal(0, 2, 6, 5, 4), normal(1, 3, 3, 4)
    assert_same(pulled_back(depthwise_conv2d, x, kernel), pulled_back(naive_depthwise_conv2d, x, kernel))


def test_depthwise_conv2d_and_its_gradients(backend):
    x, kernel = normal(0, 2, 6, 5, 4), normal(1, 3, 3, 4)
    actual = pulled_back(depthwise_conv2d, x, kernel)
    assert_same(actual, pulled_back(naive_depthwise_conv2d, x, kernel))


def test_gradients_hold_inside_scan(backend):
    x, kernels, depthwise = normal(0, 1, 6, 6, 4), 0.3 * normal(1, 3, 3, 3, 4, 4), 0.3 * normal(2, 3, 3, 3, 4)

    def scanned(x, kernels, depthwise):
        def block(x, kernels):
            return jnp.tanh(depthwise_conv2d(conv2d(x, kernels[0], training=True), kernels[1])), None

        return lax.scan(block, x, (kernels, depthwise))[0]

    def unrolled(x, kernels, depthwise):
        for kernel, weights in zip(kernels, depthwise, strict=True):
            x = jnp.tanh(naive_depthwise_conv2d(naive_conv2d(x, kernel, 1), weights))
        return x

    assert_same(pulled_back(scanned, x, kernels, depthwise), pulled_back(unrolled, x, kernels, depthwise))


def test_kernel_gradients_are_matrix_products_on_the_cpu_alone(monkeypatch):
    x, kernel = normal(0, 1, 4, 4, 2), normal(1, 5, 5, 2, 2)

    def program(on_cpu):
        monkeypatch.setattr(platform, "on_cpu", lambda: on_cpu)
        return str(jax.make_jaxpr(jax.grad(lambda k: conv2d(x, k).sum()))(kernel))

    assert "dot_general" in program(True)
    assert "dot_general" not in program(False)


def test_transposed_convolution_is_the_adjoint_of_the_strided_one():
    x, y, kernel = normal(0, 1, 8, 6, 3), normal(1, 1, 4, 3, 5), normal(2, 5, 5, 3, 5)
    forward = jnp.vdot(conv2d(x, kernel, 2), y)
    backward = jnp.vdot(x, transposed_conv2d(y, kernel.swapaxes(2, 3), 2))
    np.testing.assert_allclose(forward, backward, rtol=1e-5)


def test_a_transposed_kernel_is_laid_down_unflipped():
    kernel = normal(0, 5, 5, 1, 1)
    point = jnp.zeros((1, 4, 4, 1)).at[0, 2, 1, 0].set(1)
    actual = transposed_conv2d(point, kernel, 2)[0, 2:7, 0:5, 0]  # from 2·place - padding on
    np.testing.assert_allclose(actual, kernel[:, :, 0, 0], atol=1e-6)


def test_depth_to_space_takes_channels_by_row_and_column():
    x = jnp.arange(24.0).reshape(1, 1, 2, 12)
    wide = depth_to_space(x)
    assert wide.shape == (1, 2, 4, 3)
    np.testing.assert_array_equal(wide[0, 0, :, 0], [0, 3, 12, 15])
    np.testing.assert_array_equal(wide[0, 1, :, 2], [8, 11, 20, 23])


@pytest.mark.parametrize(
    ("function", "shape", "size", "stride", "message"),
    [
        (conv2d, (1, 4, 4, 1), 3, 2, "stride 2 with a 3×3 kernel"),
        (conv2d, (1, 5, 4, 1), 5, 2, "even sides"),
        (conv2d, (1, 4, 5, 1), 5, 2, "even sides"),
        (conv2d, (1, 6, 6, 1), 5, 3, "stride 3"),
        (transposed_conv2d, (1, 4, 4, 1), 3, 2, "use 5×5 with stride 2"),
        (transposed_conv2d, (1, 4, 4, 1), 5, 3, "stride 3"),
    ],
)
def test_combinations_the_model_has_no_use_for_are_refused(function, shape, size, stride, message):
    with pytest.raises(ValueError, match=message):
        function(jnp.zeros(shape), jnp.zeros((size, size, 1, 1)), stride)
