import math

import jax
import jax.numpy as jnp
import pytest

from cca_jax.config import PRESETS
from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.cost import coding_cost
from cca_jax.model.parameters.shapes import parameter_shapes


def products(jaxpr):
    """Multiply-accumulates of the convolutions and matrix products of a program."""
    total = 0
    for equation in jaxpr.eqns:
        inner = [getattr(value, "jaxpr", value) for value in equation.params.values()]
        total += sum(products(part) for part in inner if hasattr(part, "eqns"))
        shapes = [value.aval.shape for value in equation.invars[:2] if hasattr(value.aval, "shape")]
        if equation.primitive.name == "conv_general_dilated":
            total += math.prod(equation.outvars[0].aval.shape) * math.prod(shapes[1][:3])
        elif equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            total += math.prod(equation.outvars[0].aval.shape) * math.prod(shapes[0][axis] for axis in contracted)
    return total


def test_cost_of_encoding_is_what_the_program_multiplies(micro_lite, micro_lite_params):
    """Without NAFBlocks and with the hyper synthesis, whose zero taps XLA multiplies too, taken out."""
    model, params = CCAModel(micro_lite), {"params": micro_lite_params}
    y = jnp.zeros((1, 4, 4, 12))

    def encode(image):
        z = model.apply(params, y, method="hyper_analyze")
        indexes = model.apply(params, z, method="scale_indexes")
        decoded = model.apply(
            params,
            y,
            y,
            lambda index, prediction: prediction.mean,
            method=lambda m, *arguments: m.slices.decode(*arguments),
        )
        return model.apply(params, image, method="analyze"), indexes, decoded

    counted = products(jax.make_jaxpr(encode)(jnp.zeros((1, 64, 64, 3))).jaxpr) / 64**2 / 1000
    sizes = parameter_shapes(micro_lite, False)
    left_out = sum(
        math.prod(sizes[f"hyper_mean_synthesis/{name}/kernel"]) / side**2
        for name, side in (("first", 64), ("second", 32), ("last", 16))
    )
    depthwise = 9 * 12 / 8**2  # the one NAFBlock's; its attention is a matrix product at a single position
    attention = 6 * 6 / 64**2
    norms = 2 * 2 * 6 / 8**2  # a mean and a variance each
    expected = counted + (left_out + depthwise - attention - norms) / 1000
    assert coding_cost(micro_lite).encode == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("preset", "kmacs", "parameters"), [("lite", 25, 4.95e6)])
def test_the_models_for_everyone_keep_their_budgets(preset, kmacs, parameters):
    assert coding_cost(PRESETS[preset]).decode < kmacs
    assert sum(map(math.prod, parameter_shapes(PRESETS[preset], False).values())) < parameters


def test_branches_are_counted_where_they_are_applied(micro_lite, micro_context):
    sizes = parameter_shapes(micro_context, False)
    branches = [v for n, v in sizes.items() if n.startswith("exact_scales/context_") and n.endswith("/kernel")]
    added = coding_cost(micro_context).decode - coding_cost(micro_lite).decode
    assert added == pytest.approx(sum(map(math.prod, branches)) / 16**2 / 1000)
