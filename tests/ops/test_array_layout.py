"""What is stated of how arrays lie."""

import jax
import jax.experimental.layout
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.ops import platform
from cca_jax.ops.layers.convolution import conv2d, transposed_conv2d
from cca_jax.ops.layout import last_axis_last
from cca_jax.ops.tpu.image_groups import blocks_in_image_groups

STATED = hasattr(jax.experimental.layout, "with_layout_constraint")
needs_layouts = pytest.mark.skipif(not STATED, reason="this JAX cannot state a layout")


def stated(function, *arguments):
    """The orders of axes, innermost first, that a program states."""
    lines = jax.jit(function).lower(*arguments).as_text().splitlines()
    return [line.split("result_layouts = [dense<")[1].split(">")[0] for line in lines if "@LayoutConstraint" in line]


def test_values_stay():
    x = np.random.default_rng(0).random((2, 3, 4), np.float32)
    np.testing.assert_array_equal(jax.jit(last_axis_last)(x), x)


@needs_layouts
def test_the_last_axis_is_the_innermost():
    assert stated(last_axis_last, jnp.ones((2, 3, 4, 5))) == ["[3, 2, 1, 0]"]


@needs_layouts
def test_images_enter_and_leave_blocks_with_their_channels_last():
    def apply(params, x):
        return blocks_in_image_groups(lambda params, x: params * x, params, x)

    def with_gradients(params, x):
        value, pullback = jax.vjp(apply, params, x)
        return value, pullback(x)

    params, x = jnp.ones((2, 1, 1, 1, 3)), jnp.ones((2, 4, 4, 3))
    # All images, before and after, and a group of them, likewise; on the way back, of what was kept and of gradients.
    assert stated(apply, params, x) == ["[3, 2, 1, 0]"] * 4
    assert stated(with_gradients, params, x) == ["[3, 2, 1, 0]"] * 9


@needs_layouts
@pytest.mark.parametrize("convolve", [conv2d, transposed_conv2d])
def test_in_training_what_leaves_a_tpus_strided_convolution_has_its_channels_last(convolve, monkeypatch):
    monkeypatch.setattr(platform, "of_program", lambda: "tpu")
    x, kernel = jnp.ones((1, 4, 4, 5)), jnp.ones((5, 5, 5, 192))
    assert stated(lambda x, k: convolve(x, k, 2, training=True), x, kernel) == ["[3, 2, 1, 0]"]
    assert stated(lambda x, k: convolve(x, k, 2), x, kernel) == []
