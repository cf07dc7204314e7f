"""Published checkpoints as bundles; the file is what torch writes."""

import json
import pickle

import numpy as np
import pytest

from cca_jax.bundles.bundle import load_bundle
from cca_jax.convert.checkpoint import convert_checkpoint, read_state_dict
from cca_jax.convert.names import params_from_torch, torch_from_params
from cca_jax.model.parameters.shapes import flatten

torch = pytest.importorskip("torch")


@pytest.fixture
def preset(micro, tmp_path):
    path = tmp_path / "micro.json"
    path.write_text(json.dumps(micro.to_dict()))
    return str(path)


@pytest.fixture
def tensors(micro, micro_params):
    return {f"module.{k}": torch.tensor(np.array(v)) for k, v in torch_from_params(micro_params, micro).items()}


def test_a_checkpoint_becomes_a_bundle(tensors, preset, micro, micro_params, tmp_path):
    torch.save({"epoch": 3, "state_dict": tensors, "optimizer": {"state": {}}}, tmp_path / "best.pth.tar")
    convert_checkpoint(tmp_path / "best.pth.tar", tmp_path / "out", preset)
    loaded = load_bundle(tmp_path / "out")
    expected = {k: v for k, v in flatten(micro_params).items() if not k.startswith("auxiliary/")}
    assert set(flatten(loaded.params)) == set(expected)
    for name, array in flatten(loaded.params).items():
        np.testing.assert_array_equal(array, expected[name])


def test_a_bare_state_dict_is_read_too(tensors, micro, micro_params, tmp_path):
    torch.save(tensors, tmp_path / "bare.pth")
    params = params_from_torch(read_state_dict(tmp_path / "bare.pth"), micro)
    np.testing.assert_array_equal(
        params["auxiliary"]["prior"]["quantiles"], micro_params["auxiliary"]["prior"]["quantiles"]
    )


class Hostile:
    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps({"state_dict": {}}), pickle.dumps(Hostile())])
def test_what_is_no_checkpoint_is_refused(content, tmp_path, capsys):
    path = tmp_path / "bad.pth.tar"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"bad.pth.tar: (is not a PyTorch checkpoint|holds no state dict)"):
        read_state_dict(path)
    assert "code ran" not in capsys.readouterr().out


def test_nothing_is_written_when_it_does_not_fit(tensors, preset, tmp_path):
    tensors.pop("module.g_a.down.0.weight")
    torch.save(tensors, tmp_path / "part.pth")
    with pytest.raises(ValueError, match=r"lacks g_a\.down\.0\.weight"):
        convert_checkpoint(tmp_path / "part.pth", tmp_path / "out", preset)
    assert not (tmp_path / "out").exists()
