"""Models as PyTorch checkpoints; docs/coding/robustness.md has the released code load them, which is no test here."""

import dataclasses

import numpy as np
import pytest

from cca_jax.bundles.bundle import Bundle, load_bundle
from cca_jax.convert.checkpoint import convert_checkpoint
from cca_jax.convert.write_checkpoint import write_checkpoint


@pytest.fixture(scope="module")
def bundle(micro, micro_params):
    return Bundle.build("micro", "", micro, micro_params)


def test_a_round_trip_is_bit_equal(bundle, arrays, preset, tmp_path):
    torch = pytest.importorskip("torch")
    note = write_checkpoint(bundle, tmp_path / "out.pth.tar")
    assert "hyper_channels, bottleneck_blocks, head_channels" in note
    convert_checkpoint(tmp_path / "out.pth.tar", tmp_path / "again", preset)
    assert load_bundle(tmp_path / "again").identity == bundle.identity
    state = torch.load(tmp_path / "out.pth.tar", weights_only=True)["state_dict"]
    np.testing.assert_array_equal(state["g_a.down.0.weight"].numpy(), arrays["g_a.down.0.weight"])
    np.testing.assert_array_equal(
        state["z_entropy_bottleneck._matrix0"].numpy(), arrays["z_entropy_bottleneck.matrices.0"]
    )
    buffers = sorted(
        set(state)
        - {name for name in state if name in arrays or "._matrix" in name or "._bias" in name or "._factor" in name}
    )
    assert buffers == [
        "gaussian_conditional._cdf_length",
        "gaussian_conditional._offset",
        "gaussian_conditional._quantized_cdf",
        "gaussian_conditional.likelihood_lower_bound.bound",
        "gaussian_conditional.lower_bound_scale.bound",
        "gaussian_conditional.scale_bound",
        "gaussian_conditional.scale_table",
        "z_entropy_bottleneck._cdf_length",
        "z_entropy_bottleneck._offset",
        "z_entropy_bottleneck._quantized_cdf",
        "z_entropy_bottleneck.likelihood_lower_bound.bound",
        "z_entropy_bottleneck.target",
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rate_weights": (2.0, 1.0)}, "is of several rates"),
        ({"latent_density": "laplacian"}, "has laplacian latents"),
        ({"scale_source": "hyperprior_exact"}, "has scales of an integer network"),
        ({"explicit_slices": (3, 4, 5)}, r"has sizes of its own \(explicit_slices\)"),
        ({"context_rule": "none"}, "has the context_rule 'none'"),
        ({"hyper_width": 5}, r"has sizes of its own \(hyper_width\)"),
    ],
)
def test_what_the_released_code_has_not_is_refused(bundle, micro, change, reason, tmp_path):
    other = dataclasses.replace(bundle, config=dataclasses.replace(micro, **change))
    with pytest.raises(ValueError, match=f"model 'micro' {reason}, which the released code does not know"):
        write_checkpoint(other, tmp_path / "out.pth.tar")
    assert not (tmp_path / "out.pth.tar").exists()
