"""TensorFlow's library reads no byte past its stream, whatever the stream is: it lies flush against a page that nobody
may read, in a process of its own, which a wrong read ends."""

import signal
import subprocess
import sys

import pytest

from cca_jax.entropy_coding import coders

pytestmark = [
    pytest.mark.skipif(not coders.is_available("tensorflow"), reason="the extra [tensorflow] is not installed"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="protects pages by Linux's C library"),
]

PROCESS = """
import ctypes, mmap, sys
import numpy as np
from cca_jax.entropy_coding import tables
from cca_jax.entropy_coding.errors import CorruptError
from cca_jax.entropy_coding.tensorflow import library as interface
from cca_jax.entropy_coding.tensorflow.coder import TensorFlowCoder

excess = int(sys.argv[1])  # bytes that the stream is said to have beyond its end
page = mmap.PAGESIZE
region = mmap.mmap(-1, 3 * page)
start = ctypes.addressof(ctypes.c_char.from_buffer(region))
assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + 2 * page), page, 0) == 0
in_place = []


def string(library, data):
    address = start + 2 * page - len(data)
    ctypes.memmove(address, data, len(data))
    tensor = library._allocate(interface._STRING, None, 0, interface._STRING_BYTES)
    place = library.c.TF_TensorData(tensor)
    library.c.TF_StringInit(place)
    library.c.TF_StringAssignView(place, ctypes.cast(address, ctypes.c_char_p), len(data) + excess)
    in_place.append(len(data))
    return library._handle(tensor)


interface.Library.string = string
coder, some = TensorFlowCoder(), tables.laplacian_tables(tables.scale_table(), 1e-3)  # many escapes
rng = np.random.default_rng(0)
complete = 0
for number in range(1500):
    count = int(rng.integers(1, 300))
    indexes = rng.integers(0, 64, count).astype(np.int32)
    symbols = np.rint(rng.laplace(size=count) * tables.scale_table()[indexes]).astype(np.int32)
    whole = coder.encode(symbols, indexes, some)
    other = rng.integers(0, 256, int(rng.integers(0, 40)), dtype=np.uint8).tobytes()
    cut = int(rng.integers(0, len(whole) + 1))
    for data in (whole, whole[:cut], whole[:cut] + other, other, b"\\xff" * cut, bytes(cut)):
        try:
            complete += np.array_equal(coder.decode(data, indexes, some), symbols)
        except CorruptError:
            pass
assert len(in_place) == 9000 and complete >= 1500
print("read", len(in_place))
"""


def run(excess):
    return subprocess.run([sys.executable, "-c", PROCESS, str(excess)], capture_output=True, text=True, check=False)


def test_no_byte_past_a_stream_is_read():
    done = run(excess=0)
    assert (done.returncode, done.stdout) == (0, "read 9000\n"), done.stderr[-2000:]


def test_a_byte_past_the_stream_would_end_the_process():
    """So that the test above says something: the library reads the stream where it lies."""
    assert run(excess=1).returncode == -signal.SIGSEGV
