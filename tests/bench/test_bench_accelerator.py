"""What is measured on accelerators, with the CPU in the place of one."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from rich.console import Console

import bench.__main__ as bench_command
from bench import tables
from bench.__main__ import main
from bench.accelerator import lent
from bench.accelerator.aot import coding_costs
from bench.accelerator.journal import Journal
from bench.accelerator.kernels import compare_kernels
from bench.accelerator.planned import Plan, beside_plan, read_plan
from bench.accelerator.steps import StepCase, measure_step
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.entropy_coding.coders import get_coder
from cca_jax.ops.gpu.blocks import compiled_naf_block
from train.plan.accelerators.chips import CHIPS
from train.plan.accelerators.cost import Memory, ProgramCost
from train.plan.accelerators.topology import parse_topology
from train.plan.accelerators.traffic import Kernel
from train.plan.compile_for import CompiledRun
from train.plan.compile_report import compiled_values
from train.recipe.options import config_of, parse

DEVICE = "cpu"
ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("quick_compilation")
def test_coding_is_counted_step_by_step(micro_context, micro_context_params):
    codec = Codec(Bundle.build("m", "", micro_context, micro_context_params), get_coder("constriction"))
    chip = CHIPS["v5e"]
    small = coding_costs(codec, 60, 64, chip, jax.devices()[0])
    assert set(small) == {"compress", "decompress"}
    for found in small.values():
        assert found.operations > 0
        assert found.traffic > 64 * 64 * 3
        assert found.seconds >= 0.999 * max(found.operations / chip.peak, found.traffic / chip.bandwidth)
        assert found.largest[0][1] == max(seconds for _, seconds in found.largest)
    table = tables.aot_table("micro", {"64×60": {"v5e": small}})
    assert list(table.columns[2].cells) == ["compress", "decompress"]
    assert list(table.columns[5].cells) == [f"{1e3 * found.seconds:.2f}" for found in small.values()]


@pytest.fixture
def preset(tmp_path, micro):
    path = tmp_path / "micro.json"
    path.write_text(json.dumps(dataclasses.asdict(micro)))
    return str(path)


@pytest.mark.usefixtures("quick_compilation")
def test_a_step_is_timed_beside_its_bound(preset, monkeypatch):
    case = StepCase(preset, 2, "float32", 64)
    monkeypatch.setattr("bench.accelerator.steps.chip_of", lambda kind: CHIPS["v5e"])
    found = measure_step(case, steps=2)
    assert found["seconds_low"] <= found["seconds"] <= found["seconds_high"]
    assert found["crops_per_second"] == pytest.approx(2 * found["devices"] / found["seconds"])
    assert 0 < found["share_of_bound"] < 1  # a TPU would be faster
    assert found["share_of_peak"] == pytest.approx(found["tflops_per_second"] * 1e12 / CHIPS["v5e"].peak)


def test_described_devices_come_before_this_machines(monkeypatch, tmp_path):
    order = []
    monkeypatch.setitem(bench_command._PARTS, "aot", lambda options, console: order.append("aot"))
    monkeypatch.setattr(bench_command, "describe_machine", lambda: order.append("machine"))
    assert main(["aot", "--models", "lite", "--for", "h100", "--json", str(tmp_path / "figures.json")]) == 0
    assert order == ["aot", "machine"]  # once JAX has its devices, no compiler for others can be described


FOUND = {
    "seconds": 0.05,
    "crops_per_second": 320.0,
    "crops": 16,
    "precision": "bfloat16",
    "compile_seconds": 9.0,
    "bound_seconds": 0.04,
}


@pytest.fixture
def measured(monkeypatch):
    """Which tasks ran, each of which takes no time."""
    ran = []
    monkeypatch.setattr(lent, "measure_step", lambda case, steps: ran.append(str(case)) or dict(FOUND))
    monkeypatch.setattr(lent, "compare_symbols", lambda model, folder: ran.append(model) or {"same_symbols": 3})
    monkeypatch.setattr(lent, "compare_kernels", lambda shape: ran.append(shape) or {"ratio": 0.5})
    monkeypatch.setattr(lent, "PLANES", ((1, 8, 8, 16),))
    before = jax.config.jax_compilation_cache_dir
    yield ran
    jax.config.update("jax_compilation_cache_dir", before)


CASES = (StepCase("a", 1, "bfloat16"), StepCase("b", 1, "bfloat16"))


def test_a_call_goes_on_where_the_last_one_ended(measured, tmp_path):
    told = []
    assert lent.measure_all(tmp_path, 0, told.append, CASES) == {}
    assert told == ["4 tasks are left: call the same command again"]
    results = lent.measure_all(tmp_path, 60, told.append, CASES)
    assert measured == [(1, 8, 8, 16), str(CASES[0]), str(CASES[1]), "lite"]
    assert results[str(CASES[0])]["device"] == DEVICE
    again = lent.measure_all(tmp_path, 60, told.append, CASES)
    assert again == results
    assert len(measured) == 4
    Journal(tmp_path / lent.JOURNAL).add(str(CASES[1]), {"device": "another"})
    lent.measure_all(tmp_path, 60, told.append, CASES)
    assert measured[4:] == [str(CASES[1])]  # what another device gave does not count here
    Console(quiet=True).print(tables.lent_table(results))


def test_blocks_are_judged_by_their_distance_from_float32(monkeypatch):
    def wrong(params, x):
        return 1.5 * compiled_naf_block(params, x)

    found = compare_kernels((1, 4, 4, 16), wrong)
    assert 0 < found["plain_error"] < 0.1 < found["fused_error"]
    assert found["ratio"] == found["fused_seconds"] / found["plain_seconds"] > 0
    assert compare_kernels((1, 4, 4, 16))["error"].startswith("the kernels are not for this chip")

    def broken(params, x):
        raise RuntimeError("no room\nfor it")

    assert compare_kernels((1, 4, 4, 16), broken) == {"error": "fused: no room"}


PLAN = Plan(DEVICE, crops=16, precision="bfloat16", bound_seconds=0.025, main_memory_bytes=10.0)


def test_each_result_is_told_beside_its_bounds_when_it_is_there(measured, tmp_path):
    told = []
    results = lent.measure_all(tmp_path, 60, told.append, CASES[:1], plans={"a": PLAN})
    assert told[3].startswith(
        f"{CASES[0]}: 50.00 ms a step, 320 crops/s, bound 40.00 ms (80% of it reached), planned bound 25.00 ms (50% of"
    )
    assert results[str(CASES[0])]["share_of_planned_bound"] == pytest.approx(0.5)


@pytest.mark.parametrize("changed", [{"device_kind": "TPU v5e"}, {"crops": 8}, {"precision": "float32"}])
def test_a_plan_of_another_step_is_not_compared(changed):
    assert beside_plan(FOUND, dataclasses.replace(PLAN, **changed), DEVICE) == {}


def test_a_plan_is_what_compile_for_printed(tmp_path):
    cost = ProgramCost(
        compile_seconds=1.0,
        memory=Memory(arguments=1, temporaries=1, results=0, code=0),
        operations=0,
        kernels=[Kernel(819_000_000, 1, "fusion", "f32[8]", "")],
        exchanges=[],
        schedules=None,
        unknown_loops=0,
        text="",
    )
    config = StepCase("tiny", 2, "bfloat16").config(devices=4)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(compiled_values(CompiledRun(config, parse_topology("v5e:2x2"), 1, cost))))
    found = read_plan(path)
    assert found == Plan("TPU v5 lite", 2, "bfloat16", pytest.approx(1e-3), 819e6)


@pytest.mark.parametrize("text", ["[]", "{}", "no JSON"])
def test_another_file_is_no_plan(text, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="--compile-for"):
        read_plan(path)


@pytest.mark.parametrize("preset", ["lite", "paper"])
def test_a_step_is_that_of_the_presets_recipe(preset):
    wanted = {"data": "random", "batch_size": 32, "patch_size": 256, "precision": "bfloat16"}
    of_train = config_of(
        parse(
            [
                "--preset",
                preset,
                "--compile-for",
                "h100:8",
                *(f"--{n.replace('_', '-')}={v}" for n, v in wanted.items()),
            ]
        )
    )
    assert StepCase(preset, 4, "bfloat16").config(devices=8) == of_train


def test_steps_of_other_presets_are_timed_too():
    assert lent.cases_of(["lite", "paper"]) == list(lent.CASES)
    assert {case.preset for case in lent.cases_of(["lite", "starter"])} == {"lite", "starter"}


def test_the_time_limit_ends_what_runs(tmp_path):
    script = "import time; from bench.accelerator.time_limit import ended_after\nwith ended_after(0.2): time.sleep(30)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 124
    assert "--time-limit" in done.stderr


def test_what_does_not_fit_is_a_result(measured, tmp_path, monkeypatch):
    def full(case, steps):
        raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")

    monkeypatch.setattr(lent, "measure_step", full)
    results = lent.measure_all(tmp_path, 60, str, CASES[:1])
    assert results[str(CASES[0])]["error"] == "the device's memory is too small"


def test_another_file_in_the_way_is_one_line(tmp_path):
    (tmp_path / lent.JOURNAL).write_text("not JSON")
    with pytest.raises(ValueError, match="is no journal"):
        Journal(tmp_path / lent.JOURNAL)


def test_cores_for_what_an_accelerator_asks_for():
    table = tables.data_table(64, {0: 200.0, 2: 190.0}, cores=2, needed=4750)
    cells = [list(column.cells) for column in table.columns]
    assert cells == [["threads", "2 processes"], ["200", "190"], ["100", "95"], ["48", "50"]]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["accelerator"], "--out"),
        (["aot", "--for", "v9"], "--for v9"),
        (["accelerator", "--out", "o", "--plans", "paper"], "PRESET=FILE"),
        (["accelerator", "--out", "o", "--time-limit", "0"], "--time-limit"),
        (["data", "--crops-per-second", "0"], "--crops-per-second"),
    ],
)
def test_wrong_use_is_one_line(flags, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(flags)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_missing_compiler_is_named(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["aot", "--models", "tiny", "--for", "v5e"]) == 2
    assert "[aot-tpu]" in capsys.readouterr().err
