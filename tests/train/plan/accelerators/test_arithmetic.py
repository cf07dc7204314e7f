import jax
import jax.numpy as jnp
import pytest
from jax import lax

from train.plan.accelerators.arithmetic import operations
from train.step.mesh import make_mesh, on_own_rows


def count(function, *shapes):
    return operations(jax.make_jaxpr(function)(*(jnp.zeros(shape) for shape in shapes)))


def test_a_matrix_product_multiplies_and_adds():
    assert count(jnp.matmul, (3, 5), (5, 7)) == 2 * 3 * 5 * 7
    assert count(jnp.matmul, (2, 3, 5), (2, 5, 7)) == 2 * 2 * 3 * 5 * 7


def convolve(**options):
    def function(x, w):
        options.setdefault("window_strides", (1, 1))
        options.setdefault("padding", "SAME")
        return lax.conv_general_dilated(x, w, dimension_numbers=("NHWC", "HWIO", "NHWC"), **options)

    return function


def test_a_convolution_leaves_out_its_padding():
    assert count(convolve(padding="VALID"), (1, 6, 6, 2), (3, 3, 2, 5)) == 2 * 4 * 4 * 9 * 2 * 5
    along = 3 * 6 - 2  # at both borders one of three taps meets padding
    assert count(convolve(), (1, 6, 6, 2), (3, 3, 2, 5)) == 2 * along**2 * 2 * 5


def test_groups_and_dilation():
    assert count(convolve(padding="VALID", feature_group_count=4), (1, 6, 6, 4), (3, 3, 1, 4)) == 2 * 4 * 4 * 9 * 4
    # A transposed convolution of stride 2: each input meets each tap once, where padding cuts none off.
    spread = convolve(padding=((2, 2), (2, 2)), lhs_dilation=(2, 2))
    assert count(spread, (1, 4, 4, 3), (3, 3, 3, 5)) == 2 * (4 * 3) ** 2 * 3 * 5


@pytest.mark.parametrize("groups", [1, 4])
def test_each_gradient_of_a_convolution_takes_as_much_as_the_convolution(groups):
    forward = convolve(padding="VALID", window_strides=(2, 2), feature_group_count=groups)
    shapes = (2, 9, 9, 4), (3, 3, 4 // groups, 8)
    once = count(forward, *shapes)

    def both(x, w):
        y, pull = jax.vjp(forward, x, w)
        return pull(y)

    assert count(both, *shapes) == 3 * once


def test_scans_count_each_turn_and_branches_the_dearest():
    def scanned(x, w):
        return lax.scan(lambda carry, _: (carry @ w, None), x, None, length=6)[0]

    assert count(scanned, (3, 5), (5, 5)) == 6 * 2 * 3 * 5 * 5

    def chosen(x, w):
        return lax.cond(x.sum() > 0, lambda: x @ w, lambda: x)

    assert count(chosen, (3, 5), (5, 5)) == 2 * 3 * 5 * 5


def test_what_is_computed_again_counts_again():
    def loss(x, w):
        return jnp.sin(jnp.sin(x @ w) @ w).sum()

    plain = count(jax.grad(loss, argnums=1), (3, 5), (5, 5))
    again = count(jax.grad(jax.checkpoint(loss), argnums=1), (3, 5), (5, 5))
    assert again - plain == 2 * (2 * 3 * 5 * 5)


def test_a_device_counts_its_own_rows():
    mesh = make_mesh()
    rows = 4 * mesh.size
    assert count(lambda w, x: on_own_rows(lambda w, x: x @ w, w, x, mesh), (5, 5), (rows, 5)) == 2 * 4 * 5 * 5
