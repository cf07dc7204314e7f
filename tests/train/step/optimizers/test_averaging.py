import jax.numpy as jnp
import numpy as np

from train.step.optimizers.averaging import moving_average


def test_the_decay_grows_to_its_value():
    early = moving_average(jnp.zeros(3), jnp.ones(3), 0.5, jnp.int32(0))
    np.testing.assert_allclose(early, 0.9)  # 1 - (1 + 0) / (10 + 0)
    late = moving_average({"a": jnp.zeros(3)}, {"a": jnp.ones(3)}, 0.5, jnp.int32(1000))
    np.testing.assert_allclose(late["a"], 0.5)
