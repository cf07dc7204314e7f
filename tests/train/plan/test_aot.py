"""A tiny run compiled for TPUs and GPUs that are not there, as a user does it; `make test-aot` runs these."""

import collections
import dataclasses
import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMPILERS = {"v5e": "libtpu", "v5p": "libtpu", "h100": "jax_cuda12_plugin", "h200": "jax_cuda12_plugin"}

pytestmark = pytest.mark.aot


def compile_for(topology, preset, *flags):
    """The values that `--compile-for` prints as JSON."""
    if importlib.util.find_spec(COMPILERS[topology.partition(":")[0]]) is None:
        pytest.skip("the compiler's package is not installed")
    command = [sys.executable, "-m", "train", "--compile-for", topology, "--preset", str(preset), "--patch-size", "64"]
    top = () if "--top" in flags else ("--top", "3")
    done = subprocess.run([*command, "--json", *top, *flags], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def preset(tmp_path_factory, micro):
    path = tmp_path_factory.mktemp("aot") / "micro.json"
    path.write_text(json.dumps(dataclasses.asdict(micro)))
    return path


@pytest.fixture(scope="module")
def parameters(micro):
    from cca_jax.model.parameters.initialize import initial_params, parameter_count

    return parameter_count(initial_params(micro, seed=0))


@pytest.fixture(scope="module")
def moved(micro, parameters):
    """The parameters whose gradients depend on crops: quantiles follow from the densities, on every device alike."""
    return parameters - 3 * (micro.hyper_channels + micro.latent_channels)


@pytest.mark.parametrize(("topology", "devices"), [("v5e:1x1", 1), ("h100:1", 1), ("v5e:2x2", 4), ("h200:8", 8)])
def test_a_step_compiles_and_devices_exchange_one_vector(topology, devices, preset, parameters, moved):
    found = compile_for(topology, preset, "--batch-size", str(2 * devices))
    assert found["devices"] == devices
    assert found["fits"]
    assert found["unknown_loops"] == 0
    # The parameters, both moments and their next values at the least go through main memory.
    assert found["main_memory_bytes"] > 6 * 4 * parameters
    assert found["memory"]["arguments"] > 3 * 4 * parameters
    assert found["operations"] > 1e6
    assert found["bound"]["seconds"] == max(found["seconds"].values()) > 0
    vectors = [one for one in found["exchanges"] if one["bytes"] > 1000]
    if devices == 1:
        assert found["exchanges"] == []
    else:
        assert [(one["kind"], one["times"], one["devices"], one["groups"]) for one in vectors] == [
            ("all-reduce", 1, devices, 1)
        ]
        assert 4 * moved <= vectors[0]["bytes"] < 4.2 * moved
    assert found["scheduled_cycles"] is None


def test_schedules_of_a_tpu_are_counted(preset):
    found = compile_for("v5e:1x1", preset, "--batch-size", "2", "--schedules")
    clock = 1.5e9
    hundredth = 0.01 * clock  # of a second: far more than a step of this size takes
    assert found["bound"]["seconds"] * clock < found["scheduled_cycles"] < hundredth
    assert found["unknown_schedules"] is not None


def test_two_slices_exchange_the_gradient_across_them_once(preset, parameters):
    found = compile_for("v5e:2x2", preset, "--num-slices", "2", "--batch-size", "8")
    assert found["devices"] == 8
    across = [one for one in found["exchanges"] if one["groups"] == 2 and one["bytes"] > 1000]
    assert sum(one["times"] for one in across) == 1
    assert found["network_bytes"] > 0


def test_several_steps_in_a_call_are_told_as_one(preset):
    flags = ("--batch-size", "2", "--photos-on-device", "--photo-memory", "16")
    one = compile_for("h100:1", preset, *flags)
    several = compile_for("h100:1", preset, *flags, "--steps-per-call", "4")
    assert several["operations"] == pytest.approx(one["operations"], rel=1e-3)
    assert several["main_memory_bytes"] == pytest.approx(one["main_memory_bytes"], rel=0.3)


@pytest.mark.parametrize(("topology", "kernels"), [("h100:1", True), ("h200:8", True), ("v5e:1x1", False)])
def test_blocks_are_kernels_of_our_own_on_nvidias_chips(topology, kernels, wide):
    preset, _ = wide
    flags = ("--batch-size", "8", "--precision", "bfloat16", "--top", "10000")
    found = compile_for(topology, preset, *flags)["kernels"]
    labels = [one["label"] for one in found if "pallas_call" in one["label"]]
    assert any("analy" in label for label in labels) == any("synth" in label for label in labels) == kernels
    assert any(label.startswith("transpose") for label in labels) == kernels
    float32 = compile_for(topology, preset, *flags[:2], "--top", "10000")["kernels"]
    assert not any("pallas_call" in one["label"] for one in float32)


@pytest.fixture(scope="module")
def wide(tmp_path_factory, micro):
    """A file with widths that four and eight devices divide, and its parameters: divided among these, and all.

    Without the quantiles (see `moved`).
    """
    from cca_jax.model.parameters.shapes import parameter_shapes
    from train.step.sharding import sharded_axis

    config = dataclasses.replace(
        micro, latent_channels=32, hyper_channels=16, transform_channels=(16, 16, 32), context_channels=32,
        head_channels=(32, 16), num_slices=2, explicit_slices=(16, 16),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("aot") / "wide.json"
    path.write_text(json.dumps(dataclasses.asdict(config)))

    def count(devices):
        shapes = parameter_shapes(config, auxiliary=True)
        sizes = {name: math.prod(shape) for name, shape in shapes.items() if not name.endswith("quantiles")}
        return sum(s for name, s in sizes.items() if sharded_axis(name, shapes[name], devices) is not None), sum(
            sizes.values()
        )

    return path, count


def by_kind(exchanges):
    """Bytes of each kind of exchange in a step."""
    found = collections.Counter()
    for one in exchanges:
        found[one["kind"], one["groups"]] += one["times"] * one["bytes"]
    return found


@pytest.mark.parametrize(("topology", "devices"), [("v5e:2x2", 4), ("h100:8", 8)])
def test_a_sharded_state_is_gathered_and_its_gradient_scattered_once(topology, devices, wide):
    preset, count = wide
    divided, whole = count(devices)
    found = compile_for(topology, preset, "--shard-state", "--batch-size", str(devices))
    sizes = by_kind(found["exchanges"])
    assert set(sizes) <= {("all-gather", 1), ("reduce-scatter", 1), ("all-reduce", 1)}
    on_tpu = topology.startswith("v")
    if on_tpu:
        # It multiplies in bfloat16, and may gather what it multiplies in that type; it adds some small arrays up whole.
        assert 2 * divided <= sizes["all-gather", 1] <= 4 * divided
        assert 0.7 * 4 * divided < sizes["reduce-scatter", 1] <= 4 * divided
    else:
        assert sizes["all-gather", 1] == sizes["reduce-scatter", 1] == 4 * divided
    # All gradients, the objective's terms and the norm.
    assert 4 * whole < sizes["reduce-scatter", 1] + sizes["all-reduce", 1] < 4 * whole + 200
    replicated = compile_for(topology, preset, "--batch-size", str(devices))
    padded = 1.5 if on_tpu else 1.2  # a TPU pads arrays to its tiles, and parts of them, too
    whole_state = replicated["memory"]["arguments"]
    assert found["memory"]["arguments"] < whole_state * (padded / devices + (whole - divided) / whole)


@pytest.mark.parametrize("flags", [(), ("--shard-state",)])
def test_a_gradient_crosses_slices_once_and_each_chip_sends_its_part(flags, wide):
    preset, count = wide
    found = compile_for("v5e:2x2", preset, "--num-slices", "2", "--batch-size", "8", *flags)
    across = [one for one in found["exchanges"] if one["groups"] == 2]
    assert [(one["kind"], one["times"]) for one in across] == [("all-reduce", 1)]
    # A quarter of the gradient and the terms, in tiles of 4 KiB.
    assert count(4)[1] <= across[0]["bytes"] < count(4)[1] + 4096 + 200
    assert found["network_bytes"] > 0
