"""Exported models: every function for every platform, equal to the codec's step; a folder that is whole or absent."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

from cca_jax.bundles.bundle import Bundle, save_bundle
from cca_jax.cli.main import main
from cca_jax.config import PRESETS
from cca_jax.convert.export import stablehlo
from cca_jax.convert.export.parts import SCALES, PartMaker, Spec, transforms
from cca_jax.convert.export.slices import slices
from cca_jax.convert.export.write import bucket_of, export_model
from cca_jax.model.cca import CCAModel
from cca_jax.model.coding import coding_steps
from cca_jax.model.integer_network.rate import coded_rate
from cca_jax.model.parameters.shapes import parameter_shapes
from cca_jax.model.recurrence import register_context_rule
from cca_jax.ops.valid_region import ValidRegion

pytestmark = pytest.mark.usefixtures("quick_compilation")
register_context_rule("tests.first_alone", lambda index: [0] if index else [])


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory, micro_lite, micro_lite_params):
    folder = tmp_path_factory.mktemp("models") / "micro"
    save_bundle(Bundle.build("micro", "", micro_lite, micro_lite_params), folder, "the card")
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory, model_folder):
    folder = tmp_path_factory.mktemp("exported") / "micro"
    return folder, export_model(model_folder, folder, "stablehlo", (100, 60), ("cpu",))


def weights_of(config):
    specs = {name: Spec(shape, jnp.float32) for name, shape in parameter_shapes(config, False).items()}
    return {**specs, SCALES: Spec((64,), jnp.float32)}


def test_the_manifest_describes_what_lies_beside_it(exported, micro_lite, model_folder):
    folder, returned = exported
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest == returned
    identity = json.loads((model_folder / "config.json").read_text())["identity"]
    assert (manifest["model"]["identity"], manifest["model"]["exact_symbols"]) == (identity, True)
    assert manifest["shape"]["units"] == [1, 2]  # height before width
    assert manifest["bitstream"] == {"versions": [2, 3, 4], "streams": 4}
    assert (folder / "README.md").read_text() == "the card"  # the terms of the weights go with them
    tables, weights = (load_file(folder / manifest[kind]["file"]) for kind in ("tables", "weights"))
    assert {name: [array.dtype.name, list(array.shape)] for name, array in tables.items()} == {
        name: [one["dtype"], one["shape"]] for name, one in manifest["tables"]["arrays"].items()
    }
    assert {name for part in manifest["parts"].values() for name in part["weights"]} == set(weights)
    for name, part in manifest["parts"].items():
        program = jax.export.deserialize(bytearray((folder / part["files"]["cpu"]["jax"]).read_bytes()))
        module = (folder / part["files"]["cpu"]["stablehlo"]).read_bytes()
        assert module == program.mlir_module_serialized
        # What the manifest lists is what the module takes: nothing was dropped unseen.
        taken = [*part["weights"], *part["inputs"]]
        assert len(taken) == len(program.module_kept_var_idx) == len(program.in_avals), name


def test_a_program_computes_what_the_codecs_step_does(exported, model_folder, micro_lite, micro_lite_params):
    folder, manifest = exported
    weights = load_file(folder / "weights.safetensors")
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 128, 3)).astype(np.uint8)
    part = manifest["parts"]["analysis"]
    program = jax.export.deserialize(bytearray((folder / part["files"]["cpu"]["jax"]).read_bytes()))
    actual = program.call(
        {name: weights[name] for name in part["weights"]}, {"image": image, "sides": np.int32([1, 1])}
    )
    region = ValidRegion(jnp.array([1, 1], jnp.int32), (1, 2))
    expected = coding_steps.analyze(CCAModel(micro_lite), micro_lite_params, jnp.asarray(image), region)
    np.testing.assert_array_equal(actual["y"], expected)
    assert np.abs(np.asarray(expected)).max() > 0.1


def test_the_rates_tables_give_the_coded_rate(exported, micro_lite, micro_lite_params):
    """At a rate itself: the row, divided once."""
    folder, manifest = exported
    tables, unit = load_file(folder / "tables.safetensors"), manifest["rates"]["shift_units"]
    rate = coded_rate(micro_lite, np.asarray(micro_lite_params["rates"]["log_step"]), 1, 1)
    assert tables["rates/factors"][1] == rate.factor.item()
    np.testing.assert_array_equal((2 * tables["rates/shifts"][1] + unit) // (2 * unit), np.ravel(rate.shift))


SLICES = (1, 2, 3)
PARTS = {
    "context": {
        "hyper_synthesis",
        *(f"slice_{number}_{step}" for number in SLICES for step in ("predict", "symbols", "refine")),
    },
    "hyperprior_exact": {"rate", "scale_indexes", "encode_latent", "decode_latent"},
    "context_exact": {
        *("rate", "scale_sums", "encode_latent", "decode_latent"),
        *(f"slice_{number}_indexes" for number in SLICES),
    },
}


@pytest.mark.parametrize("source", PARTS)
def test_the_parts_are_those_that_coding_takes(source, micro, micro_lite, micro_context):
    config = {one.scale_source: one for one in (micro, micro_lite, micro_context)}[source]
    maker = PartMaker(CCAModel(config), (1, 1), weights_of(config))
    parts = [*transforms(maker), *slices(maker)]
    assert {part.name for part in parts} == PARTS[source] | {"analysis", "hyper_analysis", "synthesis"}
    assert len({part.name for part in parts}) == len(parts)


@pytest.mark.parametrize("source", ["context", "context_exact"])
def test_a_part_takes_the_slices_of_the_context_rule(source, micro, micro_context):
    config = {"context": micro, "context_exact": micro_context}[source]
    kinds, step = (("slice",), "predict") if source == "context" else (("symbols", "indexes"), "indexes")
    for rule, seen in (("causal", (1, 2)), ("tests.first_alone", (1,)), ("none", ())):
        own = dataclasses.replace(config, context_rule=rule)
        parts = {part.name: part for part in slices(PartMaker(CCAModel(own), (1, 1), weights_of(own)))}
        named = {name for name in parts[f"slice_3_{step}"].inputs if name.startswith(kinds)}
        assert named == {f"{kind}_{number}" for kind in kinds for number in seen}


def test_each_platform_has_its_own_lowering():
    """Large planes go through a CPU in strips, which is a loop that accelerators have not."""
    config = PRESETS["tiny"]
    weights = weights_of(config)
    (part,) = (one for one in transforms(PartMaker(CCAModel(config), (16, 16), weights)) if one.name == "synthesis")
    texts = {}
    programs = stablehlo.programs_of(part, weights, stablehlo.PLATFORMS)
    for platform, program in zip(stablehlo.PLATFORMS, programs, strict=True):
        exported = jax.export.deserialize(bytearray(program.files["jax"]))
        assert exported.platforms == (platform,)
        texts[platform] = exported.mlir_module()
    assert texts["cpu"].count("stablehlo.while") > texts["cuda"].count("stablehlo.while")
    assert texts["cuda"].count("stablehlo.convolution") == texts["tpu"].count("stablehlo.convolution") > 0


@pytest.mark.parametrize(
    ("size", "bucket"), [((1, 1), (1, 1)), ((768, 512), (8, 12)), ((600, 570), (10, 10)), ((1024, 65), (2, 16))]
)
def test_buckets_of_sizes(size, bucket):
    assert bucket_of(*size) == bucket


@pytest.mark.parametrize("size", [(0, 64), (64, 16321)])
def test_sides_that_no_tile_has(size):
    with pytest.raises(ValueError, match="a side has 1 to 16320"):
        bucket_of(*size)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--format", "onnx"], "jax2onnx"),
        (["--size", "768"], "'768' is no size such as 768x512"),
        (["--size", "0x5"], "'0x5' is no size"),
        (["--size", "99999x5"], "a side has 1 to 16320"),
        (["--platforms", "cpu,rocm"], "'rocm' is none of cpu, cuda, tpu"),
    ],
)
def test_bad_input_is_one_line_and_no_folder(arguments, reason, model_folder, tmp_path, capsys):
    out = tmp_path / "out"
    try:
        status = main(["export", str(model_folder), str(out), *arguments])
    except SystemExit as left:
        status = left.code
    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert reason in captured.err
    assert captured.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_stays(model_folder, tmp_path, capsys):
    (tmp_path / "kept").write_text("kept")
    assert main(["export", str(model_folder), str(tmp_path)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_without_what_writes_programs(model_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["export", str(model_folder), str(tmp_path / "out")]) == 2
    assert "flatbuffers" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
