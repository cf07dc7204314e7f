import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.ops import platform
from cca_jax.ops.cpu.taps import gather_taps, scatter_taps
from cca_jax.ops.layers.convolution import conv2d, transposed_conv2d
from cca_jax.ops.planes import pad_once


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (5, 1), (5, 2)])
def test_scattering_is_the_transpose_of_gathering(size, stride):
    x, margin = normal(0, 2, 4, 6, 3), size // 2 // stride
    gathered = gather_taps(x, size, stride)
    taps = [normal(1 + tap, 2, 4 // stride, 6 // stride, 3) for tap in range(size**2)]
    back = scatter_taps([pad_once(tap, margin, margin) for tap in taps], margin, stride)
    forward = sum(jnp.vdot(view, tap.reshape(-1, 3)) for view, tap in zip(gathered, taps, strict=True))
    np.testing.assert_allclose(forward, jnp.vdot(x, back), rtol=1e-4)


@pytest.mark.parametrize("function", [conv2d, transposed_conv2d])
def test_a_kernel_larger_than_what_it_meets_is_left_as_it_lies(function, monkeypatch):
    monkeypatch.setattr(platform, "on_cpu", lambda: True)
    kernel = normal(1, 5, 5, 16, 16)

    def rearrangements(side):
        gradients = jax.jit(jax.grad(lambda x, k: function(x, k, 2).sum(), (0, 1)))
        program = gradients.lower(normal(0, 1, side, side, 16), kernel).as_text()
        return re.findall(r"stablehlo.(?:transpose|reverse|pad) .*tensor<5x5x16x16xf32>", program)

    assert not rearrangements(4)
    assert rearrangements(16)
