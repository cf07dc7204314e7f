"""Models installed side by side: found by name and by identity, and the package's own is among them."""

import json

import pytest

from cca_jax.bundles import registry
from cca_jax.bundles.bundle import Bundle, load_bundle, save_bundle
from cca_jax.bundles.registry import find_model, list_models, locate, summarize_model
from cca_jax.model.parameters.shapes import flatten


@pytest.fixture(scope="module")
def built(micro, micro_params):
    return Bundle.build("micro", "a model for tests", micro, micro_params)


@pytest.fixture
def folder(built, tmp_path):
    save_bundle(built, tmp_path / "micro", card="# micro\n")
    return tmp_path / "micro"


def test_models_are_found_by_name_and_by_identity(built, folder, monkeypatch):
    with pytest.raises(ValueError, match="no model 'micro'"):
        locate("micro")
    with pytest.raises(ValueError, match=f"{built.identity.hex()}, which is not installed"):
        find_model(built.identity)
    monkeypatch.setenv("CCA_JAX_MODELS", str(folder.parent))
    assert locate("micro") == find_model(built.identity) == folder
    assert "micro" in [summary.name for summary in list_models()]


def test_only_the_weights_that_are_looked_for_are_read(built, folder, monkeypatch):
    monkeypatch.setenv("CCA_JAX_MODELS", str(folder.parent))
    other = folder.parent / "a_before_it"
    other.mkdir()
    config = json.loads((folder / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "identity": "00" * 8}))
    (other / "weights.safetensors").write_bytes(b"nobody reads this")
    loaded = []
    monkeypatch.setattr(registry, "load_bundle", lambda path: loaded.append(path) or load_bundle(path))
    assert find_model(built.identity) == folder
    assert loaded == [folder]
    with pytest.raises(ValueError, match="not installed"):
        find_model(b"unknown!")
    assert loaded == [folder]


@pytest.mark.parametrize("kind", ["a lie", "none", "nonsense"])
def test_what_a_bundle_states_is_never_believed(built, folder, monkeypatch, kind):
    monkeypatch.setenv("CCA_JAX_MODELS", str(folder.parent))
    config = json.loads((folder / "config.json").read_text())
    stated = {"a lie": "11" * 8, "none": None, "nonsense": {"x": 1}}[kind]
    config.pop("identity")
    config.update({} if stated is None else {"identity": stated})
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="not installed"):
        find_model(b"\x11" * 8)
    if kind == "none":  # of the first bundles: it is told by its weights
        assert find_model(built.identity) == folder


def test_summary(built, folder):
    summary = summarize_model(folder)
    assert summary.parameters == sum(array.size for array in flatten(built.params).values())
    assert summary.bytes == (folder / "weights.safetensors").stat().st_size
    assert (summary.card, summary.identity, summary.qualities) == (folder / "README.md", built.identity, ())


def test_the_default_model_is_installed():
    assert registry.DEFAULT_MODEL in [summary.name for summary in list_models()]
