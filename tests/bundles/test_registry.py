"""Models installed side by side: found by name and by identity, and the package's own is among them."""

import pytest

from cca_jax.bundles import registry
from cca_jax.bundles.bundle import Bundle, save_bundle
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


def test_summary(built, folder):
    summary = summarize_model(folder)
    assert summary.parameters == sum(array.size for array in flatten(built.params).values())
    assert summary.bytes == (folder / "weights.safetensors").stat().st_size
    assert (summary.card, summary.identity, summary.qualities) == (folder / "README.md", built.identity, ())


def test_the_default_model_is_installed():
    assert registry.DEFAULT_MODEL in [summary.name for summary in list_models()]
