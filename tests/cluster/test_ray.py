"""Runs on a Ray cluster of two workers: the bytes of one machine, whatever is killed; `make test-ray`."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cca_jax.bundles.bundle import Bundle, save_bundle

pytestmark = [pytest.mark.ray]
pytest.importorskip("ray", exc_type=ImportError)

ROOT = Path(__file__).parents[2]
IMAGES = 96
SECONDS = 240
CLUSTER = """
import sys
from ray.cluster_utils import Cluster

machines = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
for _ in range(2):
    machines.add_node(num_cpus=1)
machines.wait_for_nodes()
print("address", machines.address, flush=True)
sys.stdin.read()
machines.shutdown()
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory, micro_lite, micro_lite_params):
    folder = tmp_path_factory.mktemp("models") / "micro"
    save_bundle(Bundle.build("micro", "", micro_lite, micro_lite_params, "float16"), folder, "")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for number in range(IMAGES):
        height, width = generator.integers(20, 64, 2)
        Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(
            folder / f"{number:03}.png"
        )
    return folder


@pytest.fixture(scope="module")
def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "RAY_DEDUP_LOGS": "0", "RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture(scope="module")
def cluster(environment):
    """The address of a cluster with two machines of one core; another process starts it, since this one has JAX."""
    words = [sys.executable, "-c", CLUSTER]
    process = subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("address "):
            break
    yield line.split()[1]
    process.communicate("", timeout=SECONDS)


@pytest.fixture
def command(model, environment):
    """Starts the command line as a process of its own."""
    started = []

    def start(*words):
        words = [sys.executable, "-m", "cca_jax.cli", *map(str, words), "--model", str(model)]
        process = subprocess.Popen(
            words, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def finish(process):
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    return out


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in Path(folder).glob("**/*.cca")}


def wait_for(condition, process):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def expected(photos, model, environment, tmp_path_factory):
    """The files that this machine makes one by one."""
    out = tmp_path_factory.mktemp("expected")
    words = [sys.executable, "-m", "cca_jax.cli", "compress", photos, "-o", out, "--model", model, "--workers", "0"]
    subprocess.run(words, env=environment, cwd=ROOT, check=True, capture_output=True, timeout=SECONDS)
    return files_of(out)


def test_the_bytes_are_those_of_one_machine_and_are_made_once(command, cluster, photos, expected, tmp_path):
    out = tmp_path / "out"
    first = finish(command("compress", photos, "-o", out, "--ray", cluster, "--summary", tmp_path / "s.jsonl"))
    assert files_of(out) == expected
    assert len(first.splitlines()) == IMAGES
    statuses = [json.loads(line)["status"] for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert statuses == ["done"] * IMAGES
    times = {path: path.stat().st_mtime_ns for path in out.glob("*.cca")}
    again = finish(command("compress", photos, "-o", out, "--ray", cluster))
    assert again.count("(done before)") == IMAGES
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.cca")} == times
    # The journal is the same for a run of this machine alone.
    assert finish(command("compress", photos, "-o", out)).count("(done before)") == IMAGES


def test_a_killed_worker_is_replaced(command, cluster, photos, expected, tmp_path):
    out = tmp_path / "out"
    process = command("compress", photos, "-o", out, "--ray", cluster)
    wait_for(lambda: len(files_of(out)) >= 5, process)
    os.kill(pid_of_an_actor(), signal.SIGKILL)
    finish(process)
    assert files_of(out) == expected


def test_a_killed_command_goes_on(command, cluster, photos, expected, tmp_path):
    out = tmp_path / "out"
    process = command("compress", photos, "-o", out, "--ray", cluster)
    wait_for(lambda: any((out / ".cca-jax").glob("*.jsonl")), process)
    process.kill()
    process.communicate()
    made = files_of(out)
    assert made
    assert made.items() <= expected.items()  # whole, each of them
    again = finish(command("compress", photos, "-o", out, "--ray", cluster))
    assert files_of(out) == expected
    assert again.count("(done before)") >= 16


def test_archives_and_stores(command, cluster, photos, expected, tmp_path):
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        for path in sorted(photos.iterdir())[:20]:
            tar.add(path, f"in/{path.name}")
    store = f"file://{tmp_path}/store"
    finish(command("compress", tmp_path / "photos.tar", "-o", store, "--ray", cluster))
    made = files_of(tmp_path / "store" / "in")
    assert len(made) == 20
    assert made.items() <= expected.items()
    back = finish(command("decompress", store, "-o", tmp_path / "back", "--ray", cluster))
    assert len(back.splitlines()) == 20
    assert len(list((tmp_path / "back" / "in").glob("*.png"))) == 20


def test_a_failing_image_is_its_own(command, cluster, photos, expected, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for path in sorted(photos.iterdir())[:4]:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "bad.png").write_bytes(b"no picture")
    process = command("compress", folder, "-o", tmp_path / "out", "--ray", cluster)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert "bad.png" in err
    assert "Traceback" not in err
    assert files_of(tmp_path / "out").items() <= expected.items()
    assert len(out.splitlines()) == 4


def pid_of_an_actor():
    """Of one that this test's cluster runs: Ray names its processes, and they have this test's environment."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = f"PYTHONPATH={ROOT}".encode() in (folder / "environ").read_bytes().split(b"\0")
            if ours and (folder / "cmdline").read_bytes().startswith(b"ray::MapWorker"):
                return int(folder.name)
    raise AssertionError("no actor runs")
