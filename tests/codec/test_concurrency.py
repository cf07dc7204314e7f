"""One codec in many threads, and many processes at once: the bytes and pixels of one after the other."""

import hashlib
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cca_jax.bundles.bundle import Bundle, save_bundle
from cca_jax.codec.codec import load_model
from cca_jax.codec.tiles import precompile

# Of one bucket and of tiles, at several qualities.
SET = [(64, 64, 10, None), (63, 40, 60, None), (64, 64, 90, None), (128, 100, 50, 64), (100, 128, 20, 64)] * 2
WORKER = """
import json, sys
sys.path.insert(0, sys.argv[2])
from concurrent.futures import ThreadPoolExecutor
from cca_jax.codec.codec import load_model
from test_concurrency import SET, coded

codec = load_model(sys.argv[1])
with ThreadPoolExecutor(8) as pool:
    print(json.dumps(list(pool.map(lambda number: coded(codec, number), range(len(SET))))))
"""


def coded(codec, number):
    """Digests of the file and of the picture of an image of the set."""
    height, width, quality, tile = SET[number]
    image = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
    data = codec.compress(image, quality, tile=tile)
    return [hashlib.sha256(part).hexdigest() for part in (data, codec.decompress(data).tobytes())]


@pytest.fixture(scope="module")
def folder(micro_context, micro_context_params, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "micro"
    save_bundle(Bundle.build("micro", "", micro_context, micro_context_params), folder, "")
    return folder


def test_threads_and_processes_code_as_one_does(folder):
    here = Path(__file__)
    command = [sys.executable, "-c", WORKER, str(folder), str(here.parent)]
    options = {"cwd": here.parents[2], "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, **options) for _ in range(2)]
    codec = load_model(folder)
    precompile._rehearsed.clear()  # here too all threads meet programs that are not there
    with ThreadPoolExecutor(8) as pool:
        threads = list(pool.map(lambda number: coded(codec, number), range(len(SET))))
    alone = [coded(codec, number) for number in range(len(SET))]
    assert threads == alone
    assert len({one[0] for one in alone}) == len(SET)
    for worker in workers:
        output, _ = worker.communicate(timeout=300)
        assert json.loads(output.splitlines()[-1]) == alone


def test_programs_are_prepared_once_for_all_threads(folder, monkeypatch):
    rehearsals, codec = [], load_model(folder)
    monkeypatch.setattr(precompile, "_rehearsed", set())
    begin = precompile._Rehearsal.__enter__
    monkeypatch.setattr(precompile._Rehearsal, "__enter__", lambda run: rehearsals.append(run.layout) or begin(run))
    start = threading.Barrier(4)

    def compress(number):
        start.wait()
        return codec.compress(np.full((64, 64, 3), number, np.uint8), 50)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(compress, range(4)))
    assert len(rehearsals) == 1
