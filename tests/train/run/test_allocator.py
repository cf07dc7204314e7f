"""Memory that a step gives back stays in the process."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS_OF_A_SECOND_USE = """
import ctypes, resource, threading
from train.run.allocator import keep_freed_memory
if {keep}:
    keep_freed_memory()
c = ctypes.CDLL(None)
c.prctl(41, 1, 0, 0, 0)  # no huge pages, of which a block would be few
c.malloc.restype, c.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
c.free.argtypes = [ctypes.c_void_p]
c.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def use():
    block = c.malloc(2**27)
    c.memset(block, 1, 2**27)
    c.free(block)
def faults_of(function):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    thread = threading.Thread(target=function)  # XLA allocates in threads, which would have arenas of their own
    thread.start()
    thread.join()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults_of(use)
print(faults_of(use))
"""


def faults(keep):
    program = FAULTS_OF_A_SECOND_USE.format(keep=keep)
    root = Path(__file__).parents[3]
    return int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, cwd=root).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library's allocator")
def test_a_second_block_of_the_same_size_needs_no_new_pages():
    assert faults(keep=True) < 500
    assert faults(keep=False) > 1000
