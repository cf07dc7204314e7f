"""`python -m train` as a process: its arguments for a tiny run, its start, its end, and what the run's log holds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[3]


def arguments(folder, out, *flags):
    return [
        sys.executable, "-m", "train", "--data", str(folder / "photos"), "--out", str(out),
        "--preset", str(folder / "micro.json"), "--steps", "6", "--drop-at", "3", "--batch-size", "4",
        "--patch-size", "64", "--validation-photos", "1", "--log-every", "1", "--validate-every", "3",
        "--save-every", "2", "--ema-decay", "0.9", "--learning-rate", "1e-3", "--warmup", "0", *flags,
    ]  # fmt: skip


def start(command, devices=1):
    environment = {
        **os.environ,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process, status=0):
    try:
        messages, problems = process.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == status, problems
    return messages, problems


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def losses(run, name="loss"):
    return np.array([line[name] for line in lines(run) if line["kind"] == "train"])
