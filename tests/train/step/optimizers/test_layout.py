import jax
import jax.numpy as jnp
import numpy as np
import pytest

from train.step.optimizers.layout import is_vector, pack, unpack


@pytest.mark.parametrize("layout", ["vector", "arrays"])
def test_what_is_packed_comes_back(layout):
    tree = {"b": jnp.arange(6.0).reshape(2, 3), "a": {"c": jnp.ones(4)}}
    packed = pack(tree, layout)
    assert is_vector(packed) == (layout == "vector")
    jax.tree.map(np.testing.assert_array_equal, unpack(packed, tree), tree)
