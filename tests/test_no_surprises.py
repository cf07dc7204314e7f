"""The library changes nothing in the process that uses it, and what a command changes the same check sees."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cca_jax.entropy_coding import coders

ROOT = Path(__file__).parents[1]

PROCESS = """
import gc, json, locale, logging, os, resource, signal, sys, threading, warnings

import numpy, PIL.Image, flax.linen, jax, safetensors.numpy  # what they change is theirs
import constriction


def target(descriptor):
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}"), os.fstat(descriptor).st_ino
    except OSError:
        return None


def state():
    names = [signal.Signals(number).name for number in signal.valid_signals() if number in set(signal.Signals)]
    loggers = {"": logging.getLogger()} | {
        name: logging.getLogger(name) for name in ("absl", "jax", "jaxlib", "flax", "tensorflow", "py.warnings")
    }
    return {
        "environment": dict(os.environ),
        "descriptors": [target(descriptor) for descriptor in (0, 1, 2)],
        "standard streams": [repr(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "collector": [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), len(gc.callbacks), gc.get_debug()],
        "logging": {
            name: [logger.level, logger.disabled, logger.propagate, repr(logger.handlers), repr(logger.filters)]
            for name, logger in loggers.items()
        },
        "logging disabled": logging.root.manager.disable,
        "signals": {name: repr(signal.getsignal(signal.Signals[name])) for name in names},
        "warnings": [repr(warnings.filters), repr(warnings.showwarning)],
        "settings": {name: repr(value) for name, value in jax.config.values.items()},
        "path": list(sys.path),
        "hooks": [repr(sys.excepthook), repr(threading.excepthook), repr(sys.meta_path), repr(sys.gettrace())],
        "folder": os.getcwd(),
        "numpy": [repr(numpy.geterr()), repr(numpy.get_printoptions())],
        "limits": [resource.getrlimit(resource.RLIMIT_NOFILE), sys.getrecursionlimit()],
        "cores": sorted(os.sched_getaffinity(0)),
        "locale": locale.setlocale(locale.LC_ALL),
        "pillow": [PIL.Image.MAX_IMAGE_PIXELS],
    }


def watch():
    while not done.is_set():
        seen.append([dict(os.environ), target(2), gc.isenabled()])
        done.wait(0.002)


seen, done = [], threading.Event()
before = state()
watcher = threading.Thread(target=watch)
watcher.start()
exec(os.environ["WORK"])
done.set()
watcher.join()
after = state()
changed = {name: [before[name], after[name]] for name in before if before[name] != after[name]}
if meanwhile := [moment for moment in seen if moment != seen[0]]:
    changed["meanwhile"] = [seen[0], meanwhile[0]]
print(json.dumps(sorted(changed)))
"""

CODE = """
import cca_jax
image = numpy.random.default_rng(0).integers(0, 256, (64, 64, 3), numpy.uint8)
for coder in {coders!r}:
    codec = cca_jax.load_model("lite").with_coder(coder)
    assert codec.decompress(codec.compress(image)).shape == image.shape
"""


def changes(work, tmp_path):
    """What a process finds changed after its work, or while it was done."""
    environment = {
        "WORK": work,
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": os.environ["JAX_COMPILATION_CACHE_DIR"],
    }
    command = [sys.executable, "-W", "error", "-c", PROCESS]
    ran = subprocess.run(
        command, env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_using_the_library_changes_nothing(tmp_path):
    installed = [name for name in ("tensorflow", "constriction") if coders.is_available(name)]
    assert changes(CODE.format(coders=installed), tmp_path) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_check_sees_what_a_command_changes(tmp_path):
    work = "from cca_jax.cli.process import prepare_process; prepare_process()\n"
    work += "from cca_jax.compile_cache.jax_cache import keep_compiled_programs; keep_compiled_programs()\n"
    work += "from cca_jax.cli.quiet_tensorflow import quietly; import time\n"
    work += "with quietly():\n    time.sleep(0.5)\n"
    work += "warnings.simplefilter('ignore'); logging.getLogger('absl').setLevel(50)"
    assert changes(work, tmp_path) == ["collector", "logging", "meanwhile", "settings", "warnings"]
