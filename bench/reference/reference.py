"""The released PyTorch model beside ours: same weights, same threads, runs in turn."""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.coding.codec import smooth_image
from bench.models import SEED
from bench.timing import Timing, alternate, once, summarize
from bench.training.training import step_inputs
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.compile_cache.cores import usable_cores
from cca_jax.config import PRESETS
from cca_jax.convert.names import torch_from_params
from cca_jax.entropy_coding.coders import default_coder
from cca_jax.model.cca import CCAModel
from cca_jax.model.parameters.initialize import initial_params
from cca_jax.tiling.buckets import pad
from train.recipe.config import TrainConfig
from train.recipe.durations import Duration
from train.step.compiled import compile_step
from train.step.mesh import make_mesh

PRESET = "paper"
"""The configuration that the released code trains."""
_STEPS_A_TURN = 3
"""The first ones fetch back the memory that the system took while the other process ran."""
_WORKER = Path(__file__).parent / "reference_worker.py"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Ours and theirs.

    Attributes:
        ours: seconds.
        theirs: seconds.
        ratio: of each pair of runs, ours over theirs: median, lowest, highest.
    """

    ours: Timing
    theirs: Timing
    ratio: tuple[float, float, float]


def compare(ours: Callable[[], float], theirs: Callable[[], float], repetitions: int) -> Comparison:
    """Runs both in turn; each says how many seconds it took."""
    left, right = alternate([ours, theirs], repetitions)
    ratios = [a / b for a, b in zip(left, right, strict=True)]
    return Comparison(summarize(left), summarize(right), (statistics.median(ratios), min(ratios), max(ratios)))


class Worker:
    """The process of the released model."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._read() != "ready":
            raise ValueError("the released code does not run with --reference-python: see above")

    def seconds(self, command: str) -> float:
        """What one run of a command took."""
        assert self._process.stdin is not None
        answer = ""
        with contextlib.suppress(BrokenPipeError):  # it has ended
            self._process.stdin.write(f"{command}\n")
            self._process.stdin.flush()
            answer = self._read()
        if not answer:
            raise ValueError(f"the released code failed at {command!r}: see above")
        return float(answer)

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def worker_command(reference: Path, python: str, weights: Path) -> list[str]:
    """How to start the released model; `PYTHONPATH` and what else it needs come from the environment."""
    return [python, str(_WORKER), str(reference), str(weights), "--threads", str(usable_cores())]


@contextlib.contextmanager
def shared_weights() -> Iterator[tuple[dict[str, Any], Path]]:
    """First weights of the released configuration: ours, and a file of the same for the worker."""
    params = initial_params(PRESETS[PRESET], SEED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.npz"
        np.savez(path, **torch_from_params(params, PRESETS[PRESET]))
        yield params, path


def compare_coding(
    reference: Path, python: str, sizes: Sequence[tuple[int, int]], repetitions: int
) -> Iterator[tuple[str, Comparison]]:
    """Whole forward pass, compress and decompress of each (height, width), as they are measured."""
    with shared_weights() as (params, weights):
        worker = Worker(worker_command(reference, python, weights))
        try:
            config = PRESETS[PRESET]
            codec = Codec(Bundle.build(PRESET, "first weights", config, params), default_coder())
            for height, width in sizes:
                ours = _our_calls(codec, params, smooth_image(height, width))
                for name, call in ours.items():
                    theirs = f"{name} {height} {width}"
                    pair = compare(lambda c=call: once(c)[0], lambda t=theirs: worker.seconds(t), repetitions)  # type: ignore[misc]
                    yield f"{name} {width}×{height}", pair
        finally:
            worker.close()


def _our_calls(codec: Codec, params: dict[str, Any], image: np.ndarray) -> dict[str, Callable[[], object]]:
    """By the worker's name of the same thing."""
    model = CCAModel(codec.config)
    forward = jax.jit(lambda params, image: model.apply({"params": params}, image))
    on_device = jax.tree.map(jnp.asarray, params)
    scaled = jnp.asarray(pad(image)[None] / np.float32(255))
    data = codec.compress(image)
    return {
        "forward": lambda: forward(on_device, scaled),
        "compress": lambda: codec.compress(image),
        "decompress": lambda: codec.decompress(data),
    }


def compare_training(reference: Path, python: str, batch_size: int, patch_size: int, repetitions: int) -> Comparison:
    """One training step of the released configuration: the last of `_STEPS_A_TURN` in a row, as in training."""
    with shared_weights() as (_, weights):
        worker = Worker(worker_command(reference, python, weights))
        try:
            step = _our_step(batch_size, patch_size)
            theirs = f"step {batch_size} {patch_size}"

            def last(seconds: Callable[[], float]) -> float:
                return [seconds() for _ in range(_STEPS_A_TURN)][-1]

            ours = partial(last, lambda: once(step)[0])
            return compare(ours, partial(last, lambda: worker.seconds(theirs)), repetitions)
        finally:
            worker.close()


def _our_step(batch_size: int, patch_size: int) -> Callable[[], object]:
    """A call that does one step and keeps the state it leads to."""
    config = TrainConfig(
        PRESETS[PRESET], "random", Duration(1000), Duration(800), batch_size=batch_size, patch_size=patch_size,
        seed=SEED,
    )  # fmt: skip
    mesh = make_mesh()
    state, crops = step_inputs(config, mesh)
    program = compile_step(config, 1000, mesh).lower(state, crops).compile()

    def step() -> object:
        nonlocal state
        state, report = program(state, crops)
        return state, report

    return step
