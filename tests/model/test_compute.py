"""How a model is executed, apart from what it is: bfloat16, and backward passes that compute again what they need."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.model.blocks.layers import NAFBlock
from cca_jax.model.blocks.stacks import BlockStack
from cca_jax.model.cca import CCAModel
from cca_jax.model.parts.naf import AnalysisTransform
from cca_jax.model.parts.slice_networks import SliceNetworks

pytestmark = pytest.mark.usefixtures("quick_compilation")


def equations(jaxpr):
    """All equations, those of scans and custom gradients too."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in equation.params.values():
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from equations(inner)


def test_the_parameters_are_the_same(micro, micro_params, micro_image):
    model = CCAModel(micro, jnp.bfloat16, remat=True)
    actual = jax.eval_shape(lambda: model.init(jax.random.key(0), micro_image))["params"]
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), actual) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), micro_params
    )


def test_networks_compute_in_bfloat16_and_all_else_in_float32(micro, micro_params, micro_image, micro_noise):
    model = CCAModel(micro, jnp.bfloat16)
    trace = jax.make_jaxpr(lambda p, image: model.apply({"params": p}, image, micro_noise), return_shape=True)
    jaxpr, output = trace(micro_params, micro_image)
    assert {leaf.dtype for leaf in jax.tree.leaves(output)} == {np.dtype(np.float32)}
    kinds = {}
    for equation in equations(jaxpr.jaxpr):
        operand = equation.invars[0].aval if equation.invars else None
        if equation.primitive.name == "dot_general" and equation.invars[1].aval.ndim == 1:
            continue  # a sum
        kinds.setdefault((equation.primitive.name, getattr(operand, "ndim", 0)), set()).add(
            getattr(operand, "dtype", 0)
        )
    narrow, wide = {np.dtype(jnp.bfloat16)}, {np.dtype(np.float32)}
    assert kinds["conv_general_dilated", 4] == narrow | wide  # 3×3 and 5×5; wide where they meet the latent
    assert kinds["dot_general", 2] == narrow  # 1×1
    assert kinds["dot_general", 3] == narrow | wide  # a slice's two networks side by side; densities
    assert kinds["round", 4] == kinds["log1p", 3] == wide  # rounding; densities
    assert kinds["rsqrt" if ("rsqrt", 4) in kinds else "sqrt", 4] == wide  # layer norm


def test_bfloat16_gives_nearly_the_numbers_of_float32(micro, micro_params, micro_image):
    latents = []
    for dtype in (jnp.float32, jnp.bfloat16):
        model = CCAModel(micro, dtype)
        latents.append(jax.jit(lambda p, image, m=model: m.apply({"params": p}, image, method="analyze"))(
            micro_params, micro_image
        ))  # fmt: skip
    error = np.abs(latents[1] - latents[0]).max() / np.abs(latents[0]).max()
    assert 0 < error < 0.03


def squares(function):
    """Gradient of a sum of squares."""
    return jax.grad(lambda *arguments: sum((leaf**2).sum() for leaf in jax.tree.leaves(function(*arguments))))


def times_computed_again(function, *arguments):
    return str(jax.make_jaxpr(squares(function))(*arguments)).count("remat")


def test_blocks_computed_again_give_the_same_gradients(micro_params):
    params = {"blocks": micro_params["analysis"]["naf_2"]["blocks"]}
    x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 4, 4, 6), np.float32))
    kept, again = (lambda p, r=remat: BlockStack(NAFBlock, 1, r).apply({"params": p}, x) for remat in (False, True))
    assert (times_computed_again(kept, params), times_computed_again(again, params)) == (0, 1)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max()),
        *(jax.jit(squares(function))(params) for function in (again, kept)),
    )


@pytest.mark.parametrize(("remat", "times"), [(False, 0), (True, 2)])
def test_a_slices_networks_can_be_computed_again(micro, micro_params, remat, times):
    hyper, value = (jnp.zeros((1, 2, 2, channels)) for channels in (12, micro.slice_sizes[0]))

    def predict_and_refine(params):
        networks = SliceNetworks(micro, 0, remat=remat)
        prediction = networks.apply({"params": params}, 0, hyper, hyper, [], method="predict")
        return networks.apply({"params": params}, 0, prediction.features, value, method="refine")

    assert times_computed_again(predict_and_refine, micro_params["slices"]) == times


@pytest.mark.parametrize(("remat", "times"), [(False, 0), (True, 3 + 1)])
def test_a_transforms_blocks_can_be_computed_again(micro, micro_params, remat, times):
    """Three runs of bottlenecks and one of NAFBlocks."""
    transform = AnalysisTransform(micro, remat=remat)
    image = jnp.zeros((1, 64, 64, 3))
    function = lambda params: transform.apply({"params": params}, image)  # noqa: E731
    assert times_computed_again(function, micro_params["analysis"]) == times
