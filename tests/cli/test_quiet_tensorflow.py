import os
import subprocess
import sys

import pytest

from cca_jax.cli.quiet_tensorflow import quietly
from cca_jax.entropy_coding import coders


@pytest.fixture(params=["tensorflow", "constriction"])
def coder(request):
    if not coders.is_available(request.param):
        pytest.skip(f"the packages of {request.param} are not installed")
    return coders.get_coder(request.param)


def test_only_log_lines_are_held_back_and_all_is_put_back(capfd):
    before = dict(os.environ)
    with quietly():
        os.write(2, b"2026-01-02 03:04:05.678901: E external/cuda_dnn.cc:8454] Unable to register cuDNN factory\n")
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n")
        os.write(2, b"I0000 00:00:1721.123 99 cuda_executor.cc:1015] successful NUMA node read\n")
        sys.stderr.write("another thread's line\n")
    assert capfd.readouterr().err == "another thread's line\n"
    assert dict(os.environ) == before


QUIET = """
import os, sys, warnings
import numpy as np
from cca_jax.cli.process import prepare_process
from cca_jax.entropy_coding import coders, tables
assert not {"jax", "tensorflow", "constriction", "tensorflow_compression_ops"} & set(sys.modules), "imported too early"
prepare_process()
import jax  # it sets TF_CPP_MIN_LOG_LEVEL to a level that lets TensorFlow's warnings through
before = dict(os.environ)
coder, some = coders.get_coder(sys.argv[1]), tables.gaussian_tables(tables.scale_table(8))
coder.prepare()  # in the background, for the one that has one
symbols, indexes = np.arange(8) - 4, np.arange(8)
data = coder.encode(symbols, indexes, some)
assert (coder.decode(data, indexes, some) == symbols).all()
try:
    coder.decode(b"\\xff" * 50, indexes, some)
except coders.CoderUnavailableError:
    raise
except ValueError:
    pass
changed = {name for name in before.keys() | set(os.environ) if before.get(name) != os.environ.get(name)}
assert not changed & {"TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"}, changed
assert "tensorflow" not in sys.modules, "TensorFlow's Python package takes seconds to import"
print("done")
"""


def test_a_command_that_codes_says_nothing(coder):
    # Its own process: what is written to standard error at import happens once.
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", QUIET, coder.name],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.stderr, ran.stdout, ran.returncode) == ("", "done\n", 0)
