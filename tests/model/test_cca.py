import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.parts.slice_model import slice_recurrence
from cca_jax.ops.quantization.rounding import quantize_around

pytestmark = pytest.mark.usefixtures("quick_compilation")


def step_by_step(model, image):
    """Codes an image through the methods that a codec calls."""
    y = model.analyze(image)
    z = model.hyper_analyze(y)
    hyper = model.hyper_synthesize(model.hyper_values(model.hyper_symbols(z)))
    edges = np.cumsum((0, *model.config.slice_sizes))
    decoded = slice_recurrence(
        model.config,
        0,
        lambda i, context: model.predict_slice(i, *hyper, context),
        lambda i, prediction: quantize_around(y[..., edges[i] : edges[i + 1]], prediction.mean),
        lambda i, prediction, value: model.refine_slice(i, prediction.features, value),
    )
    y_hat = jnp.concatenate(decoded, axis=-1)
    return y_hat, model.synthesize(y_hat)


@pytest.fixture(scope="module")
def forward(micro_model, micro_params):
    """The forward pass that rounds, and beside it the same image coded step by step."""

    @jax.jit
    def run(image):
        variables = {"params": micro_params}
        return micro_model.apply(variables, image), micro_model.apply(variables, image, method=step_by_step)

    return run


@pytest.fixture(scope="module")
def output(forward, micro_image):
    return forward(micro_image)


def test_shapes_of_the_output(output, micro, micro_image):
    actual = output[0]
    assert actual.x_hat.shape == micro_image.shape
    latent, hyper = (2, 4, 4, micro.latent_channels), (2, 1, 1, micro.hyper_channels)
    for array in (actual.y, actual.y_hat, actual.likelihood_y, *dataclasses.astuple(actual.auxiliary)):
        assert array.shape == latent
    assert actual.z.shape == actual.likelihood_z.shape == hyper


def test_forward_pass_equals_coding_step_by_step(output):
    actual, (y_hat, x_hat) = output
    np.testing.assert_allclose(actual.y_hat, y_hat, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(actual.x_hat, x_hat, rtol=1e-5, atol=1e-5)


def test_likelihoods_are_probabilities(output):
    actual = output[0]
    for likelihood in (actual.likelihood_y, actual.likelihood_z, *dataclasses.astuple(actual.auxiliary)):
        assert ((likelihood >= 1e-9) & (likelihood <= 1)).all()
        assert np.std(likelihood) > 0


def test_decoded_latent_is_near_the_latent(output):
    actual = output[0]
    distance = np.abs(actual.y_hat - actual.y)
    assert (distance <= 1 + 1e-5).all()  # half a step of rounding, half a step of refinement
    assert distance.max() > 0


def test_the_main_and_the_auxiliary_slices_are_two_models(output):
    actual = output[0]
    assert (actual.likelihood_y != actual.auxiliary.likelihood_y).mean() > 0.9


def test_images_of_a_batch_do_not_see_each_other(forward, output, micro_image):
    changed = forward(micro_image.at[1].set(0.5))[0]
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[0], b[0]), changed, output[0])
    assert (changed.x_hat[1] != output[0].x_hat[1]).mean() > 0.99


@pytest.mark.parametrize("shape", [(1, 64, 96, 3), (1, 32, 64, 3), (64, 64, 3)])
def test_other_sides_than_multiples_of_64_are_refused(micro_model, micro_params, shape):
    with pytest.raises(ValueError, match="multiples of 64"):
        micro_model.apply({"params": micro_params}, jnp.zeros(shape))


def test_without_the_auxiliary_model_its_parameters_are_not_needed(micro_model, micro_params, micro_image):
    main = {name: value for name, value in micro_params.items() if name != "auxiliary"}
    run = lambda auxiliary: jax.eval_shape(  # noqa: E731
        lambda: micro_model.apply({"params": main}, micro_image, auxiliary=auxiliary)
    )
    assert run(False).auxiliary is None
    with pytest.raises(Exception, match="auxiliary"):
        run(True)


def test_quantile_loss_adds_both_densities(micro_model, micro_params):
    both, main = (
        micro_model.apply({"params": micro_params}, auxiliary=auxiliary, method="quantile_loss")
        for auxiliary in (True, False)
    )
    assert 0 < main < both


def test_noise_is_uniform_independent_and_a_function_of_the_key(micro):
    sample = lambda seed, **options: Noise.sample(jax.random.key(seed), micro, (3, 256, 128, 3), **options)  # noqa: E731
    noise = sample(0)
    shapes = [array.shape for array in dataclasses.astuple(noise)]
    assert shapes == [(3, 4, 2, 4), *[(3, 16, 8, 12)] * 3]
    for array in dataclasses.astuple(noise)[1:]:
        assert (array >= -0.5).all()
        assert (array < 0.5).all()
        assert abs(array.mean()) < 0.03
        assert abs(array.std() - 12**-0.5) < 0.01
    assert len({float(array[0, 0, 0, 0]) for array in dataclasses.astuple(noise)}) == 4
    jax.tree.map(np.testing.assert_array_equal, noise, sample(0))
    assert (noise.y != sample(1).y).mean() > 0.99


def test_noise_without_the_auxiliary_model(micro):
    noise = Noise.sample(jax.random.key(0), micro, (1, 64, 64, 3), auxiliary=False)
    assert noise.y_aux is None
    assert noise.y_factorized is None


def test_models_of_one_configuration_are_one_static_argument(micro, micro_model):
    assert CCAModel(micro) == micro_model
    assert hash(CCAModel(micro)) == hash(micro_model)
