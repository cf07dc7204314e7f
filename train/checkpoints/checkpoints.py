"""A run's state on disk, by orbax: written in the background, whole or not at all; the last few and the best.

RUN/checkpoints/STEP/   the last few
RUN/best/STEP/          that of the lowest validation loss so far, under the objective of that time
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import orbax.checkpoint as ocp

LAST, BEST = "checkpoints", "best"
_STATE, _FACTS = "state", "facts"
_FULL = ("No space left", "quota exceeded")


class CheckpointError(ValueError):
    """A checkpoint cannot be written or read; the message is one line for the user."""


def silence_orbax() -> None:
    """For commands: what fails is raised too, and told in one line."""
    logging.getLogger("absl").setLevel(logging.CRITICAL)


class Checkpoints:
    """The checkpoints of one run; a context manager that waits for what is still being written.

    Attributes:
        folder: the run's.

    Args:
        folder: the run's.
        keep: how many of the last checkpoints are kept; None where they are only read.
    """

    def __init__(self, folder: Path, keep: int | None = None) -> None:
        self.folder = folder.resolve()
        self._last = self._manager(LAST, keep)
        self._best = self._manager(BEST, keep and 1)

    def _manager(self, name: str, keep: int | None) -> ocp.CheckpointManager:
        # What a killed run left half-written is cleared by who writes next: a reader may look while a run is writing.
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep,
            cleanup_tmp_directories=keep is not None,
            # Or the processes of a run take one manager's barriers for the other's.
            multiprocessing_options=ocp.options.MultiprocessingOptions(barrier_sync_key_prefix=name),
        )
        with _one_line(f"checkpoints cannot be kept in {self.folder}"):
            return ocp.CheckpointManager(self.folder / name, options=options)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.wait()
        finally:
            for manager in (self._last, self._best):
                with contextlib.suppress(Exception):  # what failed is told by `wait`, or a worse error is on its way
                    manager.close()

    def save(self, step: int, state: Any, metadata: dict[str, Any], best: bool = False) -> None:
        """Begins to write a checkpoint; the state may be given away at once.

        Args:
            step: optimiser steps done.
            state: a tree of arrays.
            metadata: JSON values beside it: where the data stands, the best metric so far, …
            best: whether it replaces the best one too.
        """
        items = {_STATE: ocp.args.StandardSave(state), _FACTS: ocp.args.JsonSave(metadata)}
        with _one_line(f"checkpoint {step} could not be written to {self.folder}"):
            if best:
                # On disk before the other, whose facts name it: a run killed in between repeats itself from the last.
                self._replace_best(step)
                _save(self._best, step, items)
                self._best.wait_until_finished()
            _save(self._last, step, items)

    def _replace_best(self, step: int) -> None:
        held = self._best.latest_step()
        if held is not None and held >= step:  # from a run that got as far or further before it was killed
            self._best.delete(held)

    def wait(self) -> None:
        """Returns when everything is on disk."""
        with _one_line(f"a checkpoint could not be written to {self.folder}"):
            for manager in (self._last, self._best):
                manager.wait_until_finished()

    def latest_step(self) -> int | None:
        """Steps done of the newest checkpoint."""
        return self._last.latest_step()

    def best_step(self) -> int | None:
        """Steps done of the best one."""
        return self._best.latest_step()

    def restore(self, template: Any, best: bool = False) -> tuple[Any, dict[str, Any]]:
        """The newest state, or the best, and its facts.

        Args:
            template: arrays or `jax.ShapeDtypeStruct`s of the structure, shapes and shardings to be restored.
            best: which.

        Raises:
            CheckpointError: there is none, it is damaged, or of another configuration.
        """
        manager = self._best if best else self._last
        step = manager.latest_step()
        if step is None:
            raise CheckpointError(
                f"no {'best ' if best else ''}checkpoint in {self.folder}: let the run go on until it saves one"
            )
        items = {_STATE: ocp.args.StandardRestore(template), _FACTS: ocp.args.JsonRestore()}
        with _one_line(f"checkpoint {step} in {self.folder} cannot be read: delete its folder to use an older one"):
            restored = manager.restore(step, args=ocp.args.Composite(**items))
        return restored[_STATE], restored[_FACTS]


def _save(manager: ocp.CheckpointManager, step: int, items: dict[str, Any]) -> None:
    if manager.latest_step() != step and not manager.save(step, args=ocp.args.Composite(**items)):
        raise RuntimeError(f"there is a newer one, {manager.latest_step()}")


@contextlib.contextmanager
def _one_line(what: str) -> Iterator[None]:
    """Makes whatever orbax and the disk raise one kind of error with one line."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        full = any(words in str(error) for words in _FULL)
        advice = ": the disk is full, free some space and continue with --resume" if full else f" ({reason[:300]})"
        raise CheckpointError(what + advice) from error


def abstract(tree: Any, sharding: jax.sharding.Sharding) -> Any:
    """A tree's shapes and types, to be restored with this sharding."""
    return jax.tree.map(lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype, sharding=sharding), tree)
