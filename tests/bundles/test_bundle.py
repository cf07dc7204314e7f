"""A model on disk: what is saved is what is loaded, and what is not a model is refused before it is used."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from cca_jax.bundles import array_checks
from cca_jax.bundles.bundle import Bundle, load_bundle, save_bundle
from cca_jax.bundles.registry import locate
from cca_jax.compile_cache.store import ProgramStore
from cca_jax.model.parameters.shapes import flatten


@pytest.fixture(scope="module")
def built(micro, micro_params):
    return Bundle.build("micro", "a model for tests", micro, micro_params)


@pytest.fixture
def folder(built, tmp_path):
    save_bundle(built, tmp_path / "micro", card="# micro\n")
    return tmp_path / "micro"


def rewrite(folder, change):
    path = folder / "weights.safetensors"
    arrays = load_file(path)
    change(arrays)
    save_file(arrays, path)


def test_a_saved_bundle_loads_as_it_was(built, folder):
    loaded = load_bundle(folder)
    assert loaded.identity == built.identity
    assert (loaded.name, loaded.description, loaded.config) == (built.name, built.description, built.config)
    assert set(loaded.arrays) == set(built.arrays)
    for name, array in built.arrays.items():
        np.testing.assert_array_equal(loaded.arrays[name], array)


def test_arrays_that_lie_transposed_in_memory_are_saved_as_they_read(micro, micro_params, tmp_path):
    transposed = jax.tree.map(lambda a: np.asfortranarray(np.asarray(a)), micro_params)
    assert not transposed["analysis"]["down_0"]["kernel"].flags.c_contiguous
    save_bundle(Bundle.build("f", "", micro, transposed), tmp_path / "f", card="")
    kernel = load_bundle(tmp_path / "f").params["analysis"]["down_0"]["kernel"]
    np.testing.assert_array_equal(kernel, micro_params["analysis"]["down_0"]["kernel"])


def test_the_auxiliary_model_stays_behind(built, micro_params):
    assert "auxiliary" in micro_params
    assert "auxiliary" not in built.params


def test_identity_follows_weights_tables_and_configuration(built):
    arrays = flatten(built.params)
    name, value = next(iter(arrays.items()))
    changed = dataclasses.replace(built, params={**built.params, name.split("/")[0]: {"x": value + 1}})
    other_tables = dataclasses.replace(built, hyper=built.latent)
    other_config = dataclasses.replace(built, config=dataclasses.replace(built.config, slice_exponent=1.6))
    renamed = dataclasses.replace(built, name="other", description="other")
    assert len({b.identity for b in (built, changed, other_tables, other_config)}) == 4
    assert renamed.identity == built.identity
    assert len(built.identity) == 8


@pytest.mark.parametrize("kind", ["micro", "micro_lite"])
def test_tables_are_of_the_density_that_the_configuration_names(kind, request):
    config, params = request.getfixturevalue(kind), request.getfixturevalue(f"{kind}_params")
    gaussian, laplacian = (
        Bundle.build("x", "", dataclasses.replace(config, latent_density=name), params)
        for name in ("gaussian", "laplacian")
    )
    at_zero = [-int(bundle.latent.minimum[40]) for bundle in (gaussian, laplacian)]
    rows = [np.diff(bundle.latent.row(40))[:-1] / 2**16 for bundle in (gaussian, laplacian)]
    variances = [(row * np.arange(-m, m + 1) ** 2).sum() for row, m in zip(rows, at_zero, strict=True)]
    assert variances[1] == pytest.approx(variances[0] / 2, rel=0.1)  # a scale is √2 standard deviations
    assert rows[1][at_zero[1]] > 1.5 * rows[0][at_zero[0]]
    assert gaussian.identity != laplacian.identity


def test_the_first_bundles_keep_their_identity(built):
    """Configurations that lack the later fields, or have them at their defaults, are named as before these fields."""
    assert load_bundle(locate("starter")).identity.hex() == "40b5e11589394af1"
    later = {"rate_weights", "scale_source", "scale_channels", "latent_density", "scale_context_channels"}
    later |= {"explicit_slices", "hyper_width", "analysis_blocks"}
    assert later & set(built.config.to_hash()) == set()
    assert later < set(built.config.to_dict())
    altered = dataclasses.replace(built, config=dataclasses.replace(built.config, rate_weights=(2.0, 1.0)))
    assert altered.identity != built.identity
    assert built.qualities == ()


def test_integers_lie_on_their_grid_in_either_precision(micro_lite, micro_context, micro_context_params):
    layers = {n: v for n, v in micro_context_params["exact_scales"].items() if not n.startswith("context_")}
    micro_lite_params = {**micro_context_params, "exact_scales": layers}
    bundles = [Bundle.build("x", "", micro_lite, micro_lite_params, dtype) for dtype in ("float16", "float32")]
    context = [Bundle.build("x", "", micro_context, micro_context_params, dtype) for dtype in ("float16", "float32")]
    for pair in (bundles, context):
        half, full = (flatten(bundle.params["exact_scales"]) for bundle in pair)
        for leaf, array in half.items():
            np.testing.assert_array_equal(array, full[leaf])
            np.testing.assert_array_equal(256 * np.float32(array), np.round(256 * np.float32(array)))
    again = Bundle.build("x", "", micro_lite, bundles[0].params, "float16")
    assert again.identity == bundles[0].identity
    assert bundles[0].qualities[:: len(bundles[0].qualities) - 1] == (1, 100)


def test_half_precision_halves_the_file(built, micro, micro_params, folder, tmp_path):
    half = Bundle.build("half", "", micro, micro_params, dtype="float16")
    save_bundle(half, tmp_path / "half", card="")
    assert {array.dtype for array in flatten(load_bundle(tmp_path / "half").params).values()} == {np.dtype(np.float16)}
    saved = [(path / "weights.safetensors").stat().st_size for path in (tmp_path / "half", folder)]
    weights = sum(array.nbytes for array in flatten(built.params).values())
    assert saved[1] - saved[0] == pytest.approx(weights / 2, rel=0.05)


def test_numbers_that_are_not_finite_are_refused(micro, micro_params):
    huge = {**micro_params, "hyper_prior": {**micro_params["hyper_prior"]}}
    huge["hyper_prior"]["bias_0"] = huge["hyper_prior"]["bias_0"] + 1e6
    with pytest.raises(ValueError, match=r"hyper_prior/bias_0 .* not finite in float16"):
        Bundle.build("x", "", micro, huge, dtype="float16")


def test_parameters_of_another_configuration_are_not_saved(built, tmp_path):
    wider = dataclasses.replace(built, config=dataclasses.replace(built.config, head_channels=(13, 8)))
    with pytest.raises(ValueError, match="the configuration needs"):
        save_bundle(wider, tmp_path / "wider", "")
    assert not (tmp_path / "wider").exists()


def test_an_existing_folder_is_not_overwritten(built, folder):
    with pytest.raises(ValueError, match="already exists"):
        save_bundle(built, folder, card="")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["micro"]  # and nothing is left beside it


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("params/analysis/down_0/bias"), "missing parameters.*analysis/down_0/bias"),
        (lambda a: a.update({"params/extra": np.zeros(1, np.float32)}), "unknown parameters.*extra"),
        (lambda a: a.update({"params/analysis/down_0/bias": np.zeros(5, np.float32)}), "down_0/bias has shape"),
        (lambda a: a.pop("tables/hyper/cdf"), "coding tables: it has no tables/hyper/cdf"),
        (lambda a: a.pop("tables/scales"), "coding tables: it has no tables/scales"),
        (lambda a: a["tables/gaussian/cdf"].__setitem__(1, 0), "rise strictly"),
    ],
)
def test_damaged_weights_are_refused(folder, change, message):
    rewrite(folder, change)
    with pytest.raises(ValueError, match=message):
        load_bundle(folder)


@pytest.mark.parametrize("dtype", [np.float64, np.int8])
def test_weights_of_other_types_are_refused(folder, dtype):
    name = "params/analysis/down_0/bias"
    rewrite(folder, lambda arrays: arrays.update({name: arrays[name].astype(dtype)}))
    with pytest.raises(ValueError, match=r"down_0/bias is of (F64|I8) numbers"):
        load_bundle(folder)


@pytest.mark.parametrize("keeps", [False, True])
def test_a_strangers_identity_does_not_stand_in_for_the_right_shapes(built, folder, keeps, tmp_path, monkeypatch):
    """Whoever makes a bundle can compute the identity of whatever is in it."""
    store = ProgramStore(tmp_path, -1) if keeps else None
    monkeypatch.setattr(array_checks, "open_store", lambda: store)
    assert load_bundle(folder).identity == built.identity
    wider = dataclasses.replace(built, config=dataclasses.replace(built.config, head_channels=(13, 8)))
    values = json.loads((folder / "config.json").read_text())
    values.update(model=wider.config.to_dict(), identity=wider.identity.hex())
    (folder / "config.json").write_text(json.dumps(values))
    for _ in range(2):  # the second time by what the first one found
        with pytest.raises(ValueError, match="the configuration needs"):
            load_bundle(folder)


def test_weights_that_are_not_those_of_the_configuration_are_refused(folder):
    rewrite(folder, lambda arrays: arrays["params/analysis/down_0/bias"].__iadd__(1))
    with pytest.raises(ValueError, match=r"its config.json is of [0-9a-f]{16}: one of them changed"):
        load_bundle(folder)


def test_a_bundle_from_before_identities_were_stated_loads(folder, built):
    path = folder / "config.json"
    values = json.loads(path.read_text())
    assert values.pop("identity") == built.identity.hex()
    path.write_text(json.dumps(values))
    assert load_bundle(folder).identity == built.identity
    rewrite(folder, lambda arrays: arrays.pop("params/analysis/down_0/bias"))
    with pytest.raises(ValueError, match="missing parameters"):
        load_bundle(folder)


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\xff" * 64])
def test_a_file_that_is_no_safetensors_is_refused(folder, content):
    (folder / "weights.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "its format is 2"),
        ({"model": {"latent_chanels": 3}}, "unknown configuration keys latent_chanels"),
        ({"model": None}, "cannot be used"),
    ],
)
def test_a_bad_configuration_is_refused(folder, change, message):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=message):
        load_bundle(folder)
