"""What `--compile-for` counts and says, with the CPU's compiler in the place of an accelerator's."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import train.plan.compile_for as compile_for
from train.__main__ import main
from train.plan.accelerators.collectives import Collective
from train.plan.accelerators.cost import Memory, ProgramCost, program_cost
from train.plan.accelerators.kernel_schedules import Schedules
from train.plan.accelerators.topology import parse_topology
from train.plan.accelerators.traffic import Kernel
from train.plan.compile_for import CompiledRun, compile_run
from train.plan.compile_report import compiled_values, describe_compiled, too_large

GB = 10**9


def compiled(config, temporaries=3 * GB, steps=1, topology="v5e:2x2", schedules=None):
    """A run that moves 819 MB a call, computes a tenth of that time, and exchanges little."""
    cost = ProgramCost(
        compile_seconds=12.0,
        memory=Memory(arguments=2 * GB, temporaries=temporaries, results=0, code=GB),
        operations=round(197e9 / 10),
        kernels=[Kernel(400_000_000, 2, "fusion", "f32[8]", "big"), Kernel(19_000_000, 1, "copy", "f32[8]", "small")],
        exchanges=[Collective("all-reduce", 1_000_000, 4, 1, 1, "psum")],
        schedules=schedules,
        unknown_loops=0,
        text="HloModule",
    )
    return CompiledRun(config, parse_topology(topology), steps, cost)


@pytest.fixture
def config(train_config):
    return dataclasses.replace(train_config, batch_size=8, precision="bfloat16")


def test_a_report_says_what_bounds_a_step(config):
    lines = dict(line.split(maxsplit=1) for line in describe_compiled(compiled(config), top=1).splitlines())
    assert "4 × TPU v5 lite, 2 of 8 crops" in lines["v5e:2x2:"]
    assert lines["memory"].startswith("6.00 of 16.91 GB: fits; arguments 2.00, temporaries 3.00")
    assert lines["arithmetic"] == "19.7 GFLOP: 0.1 ms"
    assert lines["main"] == "memory   819 MB: 1 ms"
    assert lines["interconnect"] == "1.5 MB sent: 0.0075 ms"
    assert "schedules" not in lines
    assert lines["exchanges"] == "1 × all-reduce of 1 MB"
    assert "1 ms a step, by main memory: 2,000 crops/s a device, 8,000 in all; 10.0% of the peak" in lines["bound"]
    assert "2 × fusion" in lines["0.800"]
    assert "small" not in describe_compiled(compiled(config), top=1)


def test_a_report_says_how_long_schedules_are_where_they_were_counted(config):
    run = compiled(config, steps=2, schedules=Schedules(cycles=6_000_000, unknown=3))
    lines = describe_compiled(run).splitlines()
    assert "schedules     3 Mcycles of a core, without waits for main memory" in lines
    assert any(line.startswith("note          3 kernels or loops") for line in lines)
    assert compiled_values(run)["scheduled_cycles"] == 3e6
    assert compiled_values(compiled(config))["scheduled_cycles"] is None


def test_schedules_of_a_gpu_are_refused(config):
    with pytest.raises(ValueError, match="--schedules is for TPUs"):
        compile_run(config, parse_topology("h100:1"), schedules=True)


def test_json_has_the_same_values(config):
    values = json.loads(json.dumps(compiled_values(compiled(config), top=2)))
    assert values["fits"] is True
    assert values["main_memory_bytes"] == 819e6
    assert values["bound"]["by"] == "main memory"
    assert values["bound"]["seconds"] == pytest.approx(1e-3)
    assert values["bound"]["crops_per_second"] == pytest.approx(8000)
    assert [kernel["total"] for kernel in values["kernels"]] == [800_000_000, 19_000_000]
    assert values["exchanges"][0]["kind"] == "all-reduce"


def test_several_steps_of_a_call_share_its_cost(config):
    one, four = compiled(config), compiled(config, steps=4)
    assert four.seconds == pytest.approx(one.seconds / 4)
    assert compiled_values(four)["main_memory_bytes"] == pytest.approx(819e6 / 4)
    assert four.crops_per_second == pytest.approx(4 * one.crops_per_second)


def test_what_does_not_fit_is_told_with_what_is_left_to_try(config):
    large = compiled(config, temporaries=14 * GB)
    assert not large.fits
    assert "TOO LARGE" in describe_compiled(large)
    said = too_large(large)
    assert "17.00 GB of a v5e's 16.91" in said
    assert "--remat, --shard-state, --accumulate, a smaller --batch-size or more devices" in said
    assert "bfloat16" not in said
    saving = dataclasses.replace(config, precision="float32", remat=True, accumulate=2)
    assert "try --precision bfloat16, --shard-state, a smaller --batch-size" in too_large(
        compiled(saving, temporaries=14 * GB)
    )


def test_a_programs_cost_is_counted_by_the_compiler_that_is_there():
    a, b = jax.ShapeDtypeStruct((64, 32), jnp.float32), jax.ShapeDtypeStruct((32, 16), jnp.float32)
    cost = program_cost(jax.jit(lambda a, b: a @ b + 1).trace(a, b))
    assert cost.operations == 2 * 64 * 32 * 16
    assert cost.memory.arguments == 4 * (64 * 32 + 32 * 16)
    assert cost.memory.results == 4 * 64 * 16
    assert cost.traffic >= 4 * (64 * 32 + 32 * 16 + 64 * 16)
    assert cost.exchanges == []


@pytest.fixture
def cpus_for_tpus(monkeypatch):
    monkeypatch.setattr(compile_for, "described_devices", lambda topology: np.array(jax.devices()[: topology.size]))


@pytest.mark.usefixtures("quick_compilation", "cpus_for_tpus")
def test_a_run_is_compiled_without_its_photos(train_config):
    run = compile_run(dataclasses.replace(train_config, data="nowhere"), parse_topology("v5e:1x1"))
    assert run.fits
    assert run.cost.operations > 1e6
    assert run.cost.memory.arguments > run.config.batch_size * 64 * 64 * 3


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--compile-for", "v5e"], "is not a topology"),
        (["--compile-for", "v5e:2x2"], "[aot-tpu]"),
        (["--compile-for", "h100:8"], "[aot-gpu]"),
        (["--compile-for", "v5e:2x2", "--patch-size", "65"], "--patch-size"),
    ],
)
def test_one_line_says_what_is_missing(flags, said, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["--preset", "tiny", *flags]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--data", "D"], "--out"),
        (["--out", "R"], "--data"),
        (["--data", "D", "--out", "R", "--top", "3"], "--top needs --compile-for"),
        (["--data", "D", "--out", "R", "--num-slices", "2"], "--num-slices needs --compile-for"),
        (["--compile-for", "v5e:2x2", "--num-slices", "0"], "--num-slices"),
    ],
)
def test_options_that_need_each_other(flags, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(flags)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
