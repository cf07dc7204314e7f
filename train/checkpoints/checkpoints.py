"""A run's state on disk, by orbax: written in the background, whole or not at all; the last few and the best.

RUN/checkpoints/STEP/   the last few
RUN/best/STEP/          that of the lowest validation loss so far, under the objective of that time
RUN/incomplete/         what was found damaged, out of the way

The newest one that is whole counts. Who writes moves damaged ones aside, or orbax would keep their steps for taken.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from train.checkpoints.wholeness import FACTS, STATE, defect, set_aside, step_folders
from train.step.mesh import wait_for_all

LAST, BEST = "checkpoints", "best"
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
        tell: called with a line about each checkpoint that is not whole.

    Raises:
        CheckpointError: none of the last checkpoints is whole, or they cannot be kept in the folder.
    """

    def __init__(self, folder: Path, keep: int | None = None, tell: Callable[[str], object] = str) -> None:
        self.folder, self._writes, self._tell = folder.resolve(), keep is not None, tell
        self._pass_over_damaged()
        self._last = self._manager(LAST, keep)
        self._best = self._manager(BEST, keep and 1)

    def _pass_over_damaged(self) -> None:
        """Tells of checkpoints that are visibly not whole, and moves them aside where this process may."""
        for name in (LAST, BEST):
            found = step_folders(self.folder / name)
            damaged = {step: reason for step, path in found.items() if (reason := defect(path)) is not None}
            if name == LAST and found and len(damaged) == len(found):
                step, reason = next(iter(damaged.items()))
                raise CheckpointError(
                    f"no checkpoint in {self.folder} is whole ({step}: {reason}): copy them again, or start another run"
                )
            wait_for_all(f"{name} looked at")  # before one of a run's processes moves anything
            for step, reason in damaged.items():
                self._pass_over(found[step], reason)
            wait_for_all(f"{name} moved")

    def _pass_over(self, checkpoint: Path, reason: str) -> None:
        whole = "checkpoint" if checkpoint.parent.name == LAST else "best checkpoint"
        what = f"warning: {whole} {checkpoint.name} is not whole ({reason})"
        if not self._writes:
            self._tell(f"{what}: passed over")
        elif jax.process_index() == 0:
            self._tell(f"{what}: moved to {set_aside(checkpoint, self.folder)}")

    def _whole_steps(self, name: str) -> list[int]:
        """Steps of the checkpoints that look whole, from the last to the first."""
        return [step for step, path in step_folders(self.folder / name).items() if defect(path) is None]

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
        items = {STATE: ocp.args.StandardSave(_own(state)), FACTS: ocp.args.JsonSave(metadata)}
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
        return next(iter(self._whole_steps(LAST)), None)

    def best_step(self) -> int | None:
        """Steps done of the best one."""
        return next(iter(self._whole_steps(BEST)), None)

    def restore(self, template: Any, best: bool = False) -> tuple[Any, dict[str, Any]]:
        """The newest state that can be read, or the best, and its facts.

        Args:
            template: arrays or `jax.ShapeDtypeStruct`s of the structure, shapes and shardings to be restored; or a
                function of a checkpoint's facts to these.
            best: which.

        Raises:
            CheckpointError: there is none, all are damaged, or of another configuration.
        """
        manager, name = (self._best, BEST) if best else (self._last, LAST)
        unread: dict[int, CheckpointError] = {}
        for step in self._whole_steps(name):
            try:
                restored = self._read(manager, step, template)
            except CheckpointError as error:
                unread[step] = error
                continue
            for damaged in unread:
                self._pass_over(self.folder / name / str(damaged), "its arrays cannot be read")
            wait_for_all("damaged ones moved")
            manager.reload()
            return restored
        if unread:
            raise next(iter(unread.values()))
        raise CheckpointError(
            f"no {'best ' if best else ''}checkpoint in {self.folder}: let the run go on until it saves one"
        )

    def _read(self, manager: ocp.CheckpointManager, step: int, template: Any) -> tuple[Any, dict[str, Any]]:
        with _one_line(f"checkpoint {step} in {self.folder} cannot be read"):
            facts = manager.restore(step, args=ocp.args.Composite(**{FACTS: ocp.args.JsonRestore()}))[FACTS]
            wanted = ocp.args.StandardRestore(template(facts) if callable(template) else template)
            return manager.restore(step, args=ocp.args.Composite(**{STATE: wanted}))[STATE], facts


def _own(state: Any) -> Any:
    """A state that nobody else can write to while it is being saved.

    From an accelerator orbax copies it at once. On a CPU it keeps looking at the arrays' own memory, into which the
    next step writes.
    """

    def own(leaf: Any) -> Any:
        on_cpu = isinstance(leaf, jax.Array) and next(iter(leaf.devices())).platform == "cpu"
        return jnp.copy(leaf) if on_cpu else leaf

    return jax.tree.map(own, state)


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
