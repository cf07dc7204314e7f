import jax
import jax.numpy as jnp
import numpy as np

from cca_jax.entropy_coding.tables import scale_table
from cca_jax.ops.likelihoods.density import SCALE_FLOOR
from cca_jax.ops.likelihoods.scales import SCALE_CEILING, SCALE_COUNT, scale_of_index


def test_scales_are_those_of_the_coding_tables():
    table = scale_table(SCALE_COUNT, SCALE_FLOOR, SCALE_CEILING)
    np.testing.assert_array_equal(table, scale_table())  # what bundles have always held
    np.testing.assert_allclose(scale_of_index(jnp.arange(float(SCALE_COUNT))), table, rtol=1e-5)


def test_the_gradient_is_the_exponentials():
    slope = jax.grad(lambda index: jnp.log(scale_of_index(index)))(20.0)
    np.testing.assert_allclose(slope, np.log(SCALE_CEILING / SCALE_FLOOR) / 63, rtol=1e-5)
