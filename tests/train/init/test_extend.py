"""Models that go on from smaller ones: what these computed, the larger ones compute."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.bundles.bundle import Bundle, load_bundle, save_bundle
from cca_jax.model.blocks.layers import NAFBlock, ResidualBottleneck
from cca_jax.model.blocks.stacks import BlockStack
from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.model.parameters.shapes import AUXILIARY, check_shapes, flatten, unflatten
from cca_jax.model.rates import RatePoint
from train.init.extend import differences, extended, extended_steps
from train.init.start import starting_params
from train.init.widen import widened_blocks

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def source(micro_lite):
    return micro_lite


@pytest.fixture(scope="module")
def target(source):
    """Larger in every way but the rates."""
    return dataclasses.replace(
        source,
        latent_channels=15,
        explicit_slices=(*source.slice_sizes[:-1], source.slice_sizes[-1] + 3),
        transform_channels=(4, 4, 10),
        hyper_width=6,
        analysis_blocks=(1, 0, 3),
        scale_source="context_exact",
        scale_context_channels=8,
    )


@pytest.fixture(scope="module")
def old(micro_lite_params):
    return {n: np.asarray(v) for n, v in flatten(micro_lite_params).items()}


def extend(old, source, target):
    return extended(old, source, target, flatten(initial_params(target, 1)))


def outputs(config, arrays, image, rate):
    model = CCAModel(config)
    run = jax.jit(lambda params, rate: model.apply({"params": params}, image, rate=rate, auxiliary=False))
    return run(unflatten({n: jnp.asarray(v) for n, v in arrays.items()}), RatePoint.at(config, jnp.asarray(rate)))


@pytest.mark.parametrize("kind", [NAFBlock, ResidualBottleneck])
def test_widened_blocks_compute_what_they_did_on_streams_that_carry_their_mean(kind):
    generator = np.random.default_rng(0)
    draw = lambda channels, count: {  # noqa: E731
        n: np.array(generator.normal(0, 0.5, v.shape), np.float32)
        for n, v in flatten(
            BlockStack(kind, count).init(jax.random.key(0), jnp.zeros((1, 4, 4, channels)))["params"]["blocks"]
        ).items()
    }
    known, fresh = draw(6, 1), draw(10, 2)
    for name in ("beta", "gamma", "expand/kernel", "expand/bias"):  # blocks that are added compute nothing
        if name in fresh and (kind is NAFBlock or "expand" in name):
            fresh[name][1:] = 0
    wide = widened_blocks(known, fresh)
    assert {n: v.shape for n, v in wide.items()} == {n: v.shape for n, v in fresh.items()}
    x = generator.normal(1, 1, (1, 4, 4, 6)).astype(np.float32)
    mean = lambda x: np.concatenate([x, np.repeat(x.mean(-1, keepdims=True), 4, -1)], -1)  # noqa: E731
    run = lambda count, arrays, x: np.asarray(  # noqa: E731
        BlockStack(kind, count).apply({"params": {"blocks": unflatten(arrays)}}, jnp.asarray(x))
    )
    np.testing.assert_allclose(run(2, wide, mean(x)), mean(run(1, known, x)), rtol=1e-4, atol=1e-4)


def test_the_extended_model_is_the_source_where_both_have_rates(source, target, old, micro_image):
    new = extend(old, source, target)
    check_shapes({n: v.shape for n, v in new.items()}, target, auxiliary=False)
    before, after = (outputs(c, a, micro_image, [0.4, 2.0]) for c, a in ((source, old), (target, new)))
    np.testing.assert_allclose(after.x_hat, before.x_hat, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(after.y[..., :12], before.y, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(after.likelihood_y[..., :12], before.likelihood_y, rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(after.likelihood_z, before.likelihood_z, rtol=1e-3)
    assert (np.abs(after.y[..., 12:]) > 0).mean() > 0.99  # new channels say something, so that they can learn


def test_what_is_new_learns(source, target, old, micro_image):
    new = unflatten({n: jnp.asarray(v) for n, v in extend(old, source, target).items()})
    model = CCAModel(target)

    def loss(params):
        output = model.apply(
            {"params": params}, micro_image, rate=RatePoint.at(model.config, jnp.array([0.4, 2.0])), auxiliary=False
        )
        return jnp.square(output.x_hat - micro_image).sum() - jnp.log2(output.likelihood_y).sum()

    actual = {n: np.asarray(v) for n, v in flatten(jax.jit(jax.grad(loss))(new)).items()}
    assert (actual["analysis/down_2/kernel"][..., 6:] != 0).any((0, 1, 2)).all()
    apart = actual["synthesis/naf_0/blocks/project_channel/kernel"][..., 6:]
    assert np.ptp(apart, -1).max() > 0  # new channels do not stay alike
    assert (actual["analysis/down_3/kernel"][..., 12:] != 0).any()
    assert (actual["analysis/naf_2/blocks/beta"][1:] != 0).any()
    assert (actual["exact_scales/context_2/last/kernel"] != 0).any()


def test_other_rates_keep_pictures_and_nearly_the_tables(source, old, micro_image):
    more = dataclasses.replace(source, rate_weights=(8.0, 4.0, 2.0, 0.5, 0.125))
    new = extend(old, source, more)
    before, after = outputs(source, old, micro_image, [0.0, 2.0]), outputs(more, new, micro_image, [0.0, 3.0])
    np.testing.assert_allclose(after.x_hat, before.x_hat, rtol=1e-4, atol=1e-4)
    bits = [float(-np.log2(output.likelihood_y).sum()) for output in (before, after)]
    assert bits[1] == pytest.approx(bits[0], rel=0.03)


def test_step_sizes_go_on_as_they_begin():
    known = np.log(np.array([[4.0, 1.0], [2.0, 3.0]]))
    actual = np.exp(extended_steps(known, (16.0, 4.0), (64.0, 16.0, 8.0, 4.0, 1.0)))
    np.testing.assert_allclose(actual, [[8, 2], [4, 1], [8**0.5, 3**0.5], [2, 3], [1, 1.5]], rtol=1e-5)


def test_a_run_starts_from_it_and_says_so(source, target, train_config, micro_lite_params, tmp_path):
    save_bundle(Bundle.build("m", "", source, jax.device_get(micro_lite_params)), tmp_path / "m", "card")
    messages = []
    run = dataclasses.replace(train_config, model=target, cca="stopped", rate_weight=1.0)
    actual = flatten(starting_params(run, str(tmp_path / "m"), messages.append))
    check_shapes({n: v.shape for n, v in actual.items()}, target, auxiliary=True)
    main, auxiliary = (actual[f"{start}exact_scales/context_2/symbols/kernel"] for start in ("", AUXILIARY))
    np.testing.assert_array_equal(auxiliary, main[:, :, : target.slice_sizes[0]])
    assert messages[0] == f"starting from {tmp_path / 'm'}; its auxiliary model begins as its main model"
    assert messages[1].startswith(
        "extended: transform channels 4, 4, 6 to 4, 4, 10; encoder blocks 0, 0, 1 to 1, 0, 3; latent"
    )


def test_scales_may_stop_to_read_the_context(source, micro_context, micro_context_params, train_config, tmp_path):
    save_bundle(Bundle.build("m", "", micro_context, jax.device_get(micro_context_params)), tmp_path / "m", "card")
    messages = []
    run = dataclasses.replace(train_config, model=source, cca="off")
    actual = flatten(starting_params(run, str(tmp_path / "m"), messages.append))
    check_shapes({n: v.shape for n, v in actual.items()}, source, auxiliary=False)
    before = flatten(load_bundle(tmp_path / "m").params)
    for name, value in actual.items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert all(name.startswith("exact_scales/context_") for name in before.keys() - actual.keys())
    assert messages[1] == "extended: scales context_exact to hyperprior_exact"


@pytest.mark.parametrize(
    "smaller",
    [{"transform_channels": (4, 4, 4), "hyper_width": 6}, {"scale_source": "context"}, {"num_slices": 2}],
)
def test_what_would_lose_something_is_refused(source, train_config, micro_lite_params, tmp_path, smaller):
    save_bundle(Bundle.build("m", "", source, jax.device_get(micro_lite_params)), tmp_path / "m", "card")
    run = dataclasses.replace(train_config, model=dataclasses.replace(source, **smaller), cca="off")
    with pytest.raises(ValueError, match="is of other sizes than this run"):
        starting_params(run, str(tmp_path / "m"), print)


def test_equal_sizes_have_no_differences(source):
    assert differences(source, source) == []
