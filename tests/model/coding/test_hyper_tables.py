import jax
import jax.numpy as jnp
import numpy as np

from cca_jax.model.coding.tables import hyper_pmfs

QUANTILES = np.float32([[-4.2, 0.3, 5.0], [-1.0, 0.0, 1.0], [-20.0, -2.5, 8.25], [0.5, 0.5, 0.75]])


def test_hyper_pmfs_are_the_density_between_the_quantiles(micro, micro_model, micro_params):
    params = {**micro_params, "hyper_prior": {**micro_params["hyper_prior"], "quantiles": jnp.asarray(QUANTILES)}}
    pmfs, first = hyper_pmfs(micro, params)
    assert first == [-5, -1, -18, 0]
    assert [len(pmf) for pmf in pmfs] == [5 + 1 + 5, 3, 18 + 1 + 11, 0 + 1 + 1]
    for channel, (pmf, start) in enumerate(zip(pmfs, first, strict=True)):
        assert pmf.dtype == np.float64
        assert pmf.sum() <= 1 + 1e-12
        z = jnp.broadcast_to(start + jnp.arange(float(len(pmf)))[:, None] + QUANTILES[channel, 1], (len(pmf), 4))
        expected = micro_model.apply({"params": params}, z, method="hyper_likelihood")[:, channel]
        np.testing.assert_allclose(pmf, expected, rtol=1e-5)


def test_hyper_pmfs_take_parameters_of_any_floating_type(micro, micro_params):
    # Half precision is what a bundle may store: the tables follow from the stored numbers, whatever holds them.
    half = jax.tree.map(lambda leaf: np.asarray(leaf, np.float16), micro_params)
    single = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), half)
    for a, b in zip(hyper_pmfs(micro, half)[0], hyper_pmfs(micro, single)[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_table_stays_within_its_reach(micro, micro_params):
    wide = jnp.asarray(np.float32([[-1e6, 0, 1e6]] * 4))
    pmfs, first = hyper_pmfs(micro, {**micro_params, "hyper_prior": {**micro_params["hyper_prior"], "quantiles": wide}})
    assert first == [-4096] * 4
    assert all(len(pmf) == 8193 and pmf.sum() <= 1 + 1e-12 for pmf in pmfs)
