"""How long a device waits for photos: measured, not guessed.

The host asks for the next batch while the device computes a step. Only the time from the moment when the device has
finished until the batch is there is lost.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import jax

from train.run.timing.goodput import DATA, Goodput


class DataWait:
    """The seconds that a device has waited; a context manager that ends its thread.

    Args:
        goodput: counts them too.
    """

    def __init__(self, goodput: Goodput) -> None:
        self._goodput = goodput
        self._computed: jax.Array | None = None
        self._watcher = ThreadPoolExecutor(1, "device")

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._goodput.seconds[DATA]

    def computing(self, result: jax.Array) -> None:
        """Says what the device has been given to compute; not to be given away."""
        self._computed = result

    @contextlib.contextmanager
    def for_data(self) -> Iterator[None]:
        """Within it the host waits for a batch."""
        begun, computed = time.monotonic(), self._computed
        finished: Future[float] | None = None
        if computed is not None and not computed.is_ready():  # type: ignore[attr-defined]
            finished = self._watcher.submit(_when_ready, computed)
        yield
        came = time.monotonic()
        if finished is None:
            self._goodput.seconds[DATA] += came - begun
        elif finished.done():  # or it still computes
            self._goodput.seconds[DATA] += max(0.0, came - finished.result())

    def __enter__(self) -> DataWait:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watcher.shutdown(wait=False)


def _when_ready(result: jax.Array) -> float:
    jax.block_until_ready(result)
    return time.monotonic()
