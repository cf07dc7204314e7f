"""Likelihoods of integers under a density integrated over unit bins (Ballé et al. 2018; paper section 3.1).

All are pure functions; the factorised density takes its parameters as arrays, channel by channel.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cca_jax.ops.quantization.rounding import lower_bound

LIKELIHOOD_FLOOR = 1e-9
"""Smallest likelihood: a symbol never costs more than log2(1e9) = 29.9 bits."""
SCALE_FLOOR = 0.11
"""Smallest scale of a bin model: narrower ones are cheaper by less than 1e-5 bits, or 2e-4 where it is Laplacian."""
TAIL_MASS = 1e-9
"""Probability that the Gaussian coding tables leave to the escape, both tails together."""
LAPLACIAN_TAIL_MASS = 1e-6
"""The same of Laplacian ones, whose tails are so long that intervals nobody uses would cost more than escapes."""


class FactorizedParameters(NamedTuple):
    """Parameters of the fully factorised density (Ballé et al. 2018, appendix 6.1) of C channels.

    Attributes:
        matrices: per layer, [C, out, in]; made positive by softplus.
        biases: per layer, [C, out].
        factors: per layer but the last, [C, out]; kept in (-1, 1) by tanh.
    """

    matrices: tuple[Float[Array, "C _ _"], ...]
    biases: tuple[Float[Array, "C _"], ...]
    factors: tuple[Float[Array, "C _"], ...]


def gaussian_likelihood(
    y: Float[Array, "..."], mean: Float[Array, "..."], scale: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Probability of the unit bin around y under N(mean, max(scale, 0.11)²).

    Args:
        y: values; in training with uniform noise added, in coding on the grid mean + integers.
        mean: means, of y's shape.
        scale: standard deviations, of y's shape; values under 0.11 count as 0.11 (one-sided gradient).

    Returns:
        Φ((½ - d)/σ) - Φ((-½ - d)/σ) with d = |y - mean|, at least 1e-9. By the symmetry in d the difference is taken
        in the lower tail, where erfc loses nothing.
    """
    scale = lower_bound(scale, SCALE_FLOOR)
    distance = jnp.abs(y - mean)
    upper = _normal_cumulative((0.5 - distance) / scale)
    lower = _normal_cumulative((-0.5 - distance) / scale)
    return lower_bound(upper - lower, LIKELIHOOD_FLOOR)


def laplacian_likelihood(
    y: Float[Array, "..."], mean: Float[Array, "..."], scale: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Probability of the unit bin around y under the density exp(-2 |y - mean| / s) / s with s = max(scale, 0.11).

    The scale is √2 standard deviations, so that the floor, which both families share, leaves little outside the bin of
    0: 1.1e-4, where a Gaussian leaves 5.5e-6 and a Laplacian of that standard deviation 1.6e-3.

    Args:
        y: values; in training with uniform noise added, in coding on the grid mean + integers.
        mean: means, of y's shape.
        scale: s, of y's shape; values under 0.11 count as 0.11 (one-sided gradient).

    Returns:
        The integral over y - ½ … y + ½, at least 1e-9, taken in the lower tail.
    """
    scale = lower_bound(scale, SCALE_FLOOR)
    distance = jnp.abs(y - mean)
    upper = _laplacian_cumulative((0.5 - distance) / scale)
    lower = _laplacian_cumulative((-0.5 - distance) / scale)
    return lower_bound(upper - lower, LIKELIHOOD_FLOOR)


LIKELIHOODS = {"gaussian": gaussian_likelihood, "laplacian": laplacian_likelihood}
"""By the names that `ModelConfig.latent_density` has for them."""
SCALE_PER_DEVIATION = {"gaussian": 1.0, "laplacian": 2**0.5}
"""What the scale of each is, in standard deviations."""


def _normal_cumulative(x: Array) -> Array:
    return 0.5 * jax.lax.erfc(-(2**-0.5) * x)


def _laplacian_cumulative(x: Array) -> Array:
    tail = 0.5 * jnp.exp(-2 * jnp.abs(x))
    return jnp.where(x < 0, tail, 1 - tail)


def factorized_logits(x: Float[Array, "... C"], parameters: FactorizedParameters) -> Float[Array, "... C"]:
    """Logits of the cumulative distribution at x, channel by channel.

    Every layer is v ← softplus(matrix)·v + bias, then (but for the last) v ← v + tanh(factor)·tanh(v): increasing in
    x whatever the parameters.
    """
    features = jnp.moveaxis(x, -1, 0).reshape(x.shape[-1], 1, -1)  # [C, in, N]
    for layer, (matrix, bias) in enumerate(zip(parameters.matrices, parameters.biases, strict=True)):
        # A batched product, not three sums an output: fused elementwise, XLA would expand 3 · 3 · 3 · 3 paths.
        features = jnp.matmul(jax.nn.softplus(matrix), features) + bias[:, :, None]
        if layer < len(parameters.factors):
            features = features + jnp.tanh(parameters.factors[layer])[:, :, None] * jnp.tanh(features)
    return jnp.moveaxis(features.reshape(x.shape[-1], *x.shape[:-1]), 0, -1)


def factorized_likelihood(x: Float[Array, "... C"], parameters: FactorizedParameters) -> Float[Array, "... C"]:
    """Probability of the unit bin around x under the factorised density, at least 1e-9.

    The difference of the two sigmoids is taken on the side where both are small: on the other side float32 rounds
    both to 1.
    """
    lower, upper = factorized_logits(jnp.stack([x - 0.5, x + 0.5]), parameters)  # one pass over the parameters
    side = jnp.where(lower + upper > 0, -1.0, 1.0)
    mass = jnp.abs(jax.nn.sigmoid(side * upper) - jax.nn.sigmoid(side * lower))
    return lower_bound(mass, LIKELIHOOD_FLOOR)
