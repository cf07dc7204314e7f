"""Checkpoints as people have them become the weights that they are, or a line that says why not; without torch."""

import numpy as np
import pytest
from torch_files import Call, Global, legacy_file, zip_file

from cca_jax.bundles.bundle import load_bundle
from cca_jax.convert.checkpoint import convert_checkpoint, read_checkpoint
from cca_jax.model.parameters.shapes import flatten

FIRST = "g_a.down.0.weight"


def prefixed(arrays, prefix):
    return {prefix + name: array for name, array in arrays.items()}


@pytest.mark.parametrize("write", [zip_file, legacy_file])
def test_a_training_checkpoint_becomes_a_bundle(arrays, write, preset, micro_params, tmp_path):
    """What the released training saves: a scheduler's Counter, optimizers, tensors that nobody needs."""
    adam = {"state": {0: {"step": np.ones((), np.float32), "exp_avg": arrays[FIRST]}}, "param_groups": [{"lr": 1e-4}]}
    content = {
        "epoch": 3,
        "state_dict": prefixed(arrays, "module."),
        "loss": Call(Global("numpy.core.multiarray", "scalar"), (Call(Global("numpy", "dtype"), ("f8",)), b"\0" * 8)),
        "optimizer": adam,
        "lr_scheduler": {"milestones": Call(Global("collections", "Counter"), ({40: 1, 60: 1},)), "gamma": 0.1},
        "args": Call(
            Global("argparse", "Namespace"), (), {"lmbda": 0.05, "device": Call(Global("torch", "device"), ("cpu",))}
        ),
        "best": Call(Global("collections", "defaultdict"), (Global("builtins", "list"),)),
        "shape": Call(Global("torch", "Size"), ((1, 3),)),
        "dtype": Global("torch", "float32"),
    }
    (tmp_path / "best.pth.tar").write_bytes(write(content))
    assert convert_checkpoint(tmp_path / "best.pth.tar", tmp_path / "out", preset) is None
    found = flatten(load_bundle(tmp_path / "out").params)
    expected = {k: v for k, v in flatten(micro_params).items() if not k.startswith("auxiliary/")}
    assert found.keys() == expected.keys()
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name])


def test_the_auxiliary_model_can_be_left_out(read, arrays):
    assert "auxiliary" in read(arrays)[0]
    assert "auxiliary" not in read(arrays, auxiliary=False)[0]


def changed(arrays, value, name=FIRST):
    return {**arrays, name: value}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: changed(a, a[FIRST][..., :3].copy()),
            r"g_a\.down\.0\.weight has shape \(4, 3, 5, 3\), the configuration needs \(4, 3, 5, 5\)",
        ),
        (
            lambda a: changed(a, np.full_like(a[FIRST], np.nan)),
            r"g_a\.down\.0\.weight holds numbers that are not finite",
        ),
        (
            lambda a: changed(a, a[FIRST] * np.float32(np.inf)),
            r"g_a\.down\.0\.weight holds numbers that are not finite",
        ),
        (lambda a: changed(a, a[FIRST].astype(np.int64)), r"g_a\.down\.0\.weight is of int64 numbers"),
        (lambda a: changed(a, np.float32([1]), "g_a.down.9.bias"), r"has unknown g_a\.down\.9\.bias"),
        (lambda a: changed(a, np.float32([1]), "discriminator.bias"), r"has unknown discriminator\.bias"),
        (lambda a: {k: v for k, v in a.items() if k != FIRST}, r"lacks g_a\.down\.0\.weight"),
        (
            lambda a: changed(a, Call(Global("torch._utils", "_rebuild_sparse_tensor"), (1,))),
            r"g_a\.down\.0\.weight is a torch\._utils\._rebuild_sparse_tensor, not a plain tensor",
        ),
        (
            lambda a: {"model": Call(Global("their.code", "Net"), (), {"layers": 3})},
            r"holds no weights of a CCA model, but objects of their\.code\.Net",
        ),
        (lambda a: {"epoch": 3}, "holds no weights of a CCA model: give a checkpoint"),
        (lambda a: {**a, "g_a._orig_mod.down.0.weight": a[FIRST]}, r"has g_a\.down\.0\.weight twice"),
    ],
)
def test_what_cannot_be_taken_is_named(read, arrays, change, message):
    with pytest.raises(ValueError, match=rf"c\.pth\.tar: .*{message}"):
        read(change(arrays))


def test_nothing_is_written_when_it_does_not_fit(arrays, preset, tmp_path):
    (tmp_path / "part.pth").write_bytes(zip_file({k: v for k, v in arrays.items() if k != FIRST}))
    with pytest.raises(ValueError, match=r"lacks g_a\.down\.0\.weight"):
        convert_checkpoint(tmp_path / "part.pth", tmp_path / "out", preset)
    assert not (tmp_path / "out").exists()


def test_a_configuration_that_the_released_code_has_not(arrays, micro_lite, tmp_path):
    (tmp_path / "c.pth").write_bytes(zip_file(arrays))
    with pytest.raises(ValueError, match="the released code has no model of this kind"):
        read_checkpoint(tmp_path / "c.pth", micro_lite)
