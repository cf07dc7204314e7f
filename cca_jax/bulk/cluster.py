"""The same run on many machines, by Ray: actors of Ray Data hold the compiled model and take batches of items.

Every actor runs the pipeline of one machine over its batch, writes the outputs and then the journal's records of them.
So whatever is killed, an actor, its machine or the command, nothing is half done and the same command goes on. Ray
starts a killed actor anew and gives its batch to another.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from cca_jax import install_hint
from cca_jax.bulk.journal import Journal, Record
from cca_jax.bulk.memory import pixels_at_once
from cca_jax.bulk.pipeline import Errors, Outcome, Threads, run
from cca_jax.bulk.work import Continued, Item, Result, Work

LOCAL = "local"
"""The address of a Ray of this machine alone, which the command starts and ends."""
_ITEMS_A_BATCH = 16
_MOST_CORES = 4
_SECONDS_TO_ANSWER = 10


class RemoteError(ValueError):
    """What failed an item on another machine; the message is what was said there."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What every actor is told.

    Attributes:
        make_work: makes the work, with its model; it is pickled.
        settings: a digest of all that decides an output besides its input.
        redo: whether to make anew what is done.
        expected: errors that fail an item alone.
        describe: says in one line what went wrong with a place.
    """

    make_work: Callable[[], Work]
    settings: str
    redo: bool
    expected: Errors
    describe: Callable[[BaseException, str], str]


class Actor:
    """What Ray Data keeps running on each machine."""

    def __init__(self, job: Job, coders: int) -> None:
        self._job = job
        self._work = job.make_work()
        self._threads = Threads(coders=coders, batch=self._work.batch_size, pixels=pixels_at_once())
        self._journals: dict[str, Journal] = {}

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Makes the outputs of a batch of rows: what came of each, in JSON."""
        rows = [json.loads(row) for row in batch["item"]]
        items = [Item(*row["item"]) for row in rows]
        records = {
            item: None if row["record"] is None else Record.from_json(row["record"])
            for item, row in zip(items, rows, strict=True)
        }
        stages = Continued(self._work, self._job.settings, records.get, self._job.redo)
        meter = self._threads.meter()
        made: dict[str, list[Record]] = {}
        said = []
        for outcome in run(items, stages, self._threads, meter, self._job.expected):
            result = outcome.value
            if outcome.error is None and result.made is not None and not result.known:
                made.setdefault(outcome.item.folder, []).append(result.made)
            said.append(self._say(outcome))
        for folder, of_folder in made.items():
            if folder not in self._journals:
                self._journals[folder] = Journal(folder, read=False)
            self._journals[folder].put(of_folder)
        return {"outcome": said}

    def _say(self, outcome: Outcome[Item]) -> str:
        item = dataclasses.astuple(outcome.item)
        if outcome.error is not None:
            return json.dumps({"item": item, "error": self._job.describe(outcome.error, outcome.item.source)})
        result: Result = outcome.value
        return json.dumps({"item": item, "result": [result.facts, result.known, None, result.input_bytes]})


def run_on_cluster(
    ray: Any, items: Iterable[Item], job: Job, find_record: Callable[[Item], Record | None]
) -> Iterator[Outcome[Item]]:
    """Takes every item through the work on the machines of a Ray cluster, and then leaves it.

    Args:
        ray: connected to it: see `connect`.
        items: what to make, at places that all machines see.
        job: how.
        find_record: what the journal says of an output.

    Returns:
        What came of each, in the order in which it is done.
    """
    try:
        rows = [{"item": _row(item, find_record(item))} for item in items]
        cores = int(min((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=1))
        coders = max(1, min(_MOST_CORES, cores))
        actors = max(1, int(ray.cluster_resources().get("CPU", 1)) // coders)
        graphics = {"num_gpus": 1} if ray.cluster_resources().get("GPU") else {}
        results = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // _ITEMS_A_BATCH)).map_batches(
            Actor,
            fn_constructor_args=(job, coders),
            batch_size=_ITEMS_A_BATCH,
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=actors),
            num_cpus=coders,
            **graphics,
        )
        for row in results.iter_rows():
            yield _outcome(json.loads(row["outcome"]))
    finally:
        ray.shutdown()


def connect(address: str) -> Any:
    """Ray, connected to a cluster.

    Args:
        address: of the cluster, as `ray.init` takes it, or `LOCAL`.

    Raises:
        ImportError: Ray is not installed.
        ConnectionError: there is no cluster at the address.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError(f"--ray needs Ray: {install_hint('ray')}") from error
    if found := re.fullmatch(r"(?:ray://)?(.+):(\d+)", address):  # Ray itself would try for minutes
        try:
            socket.create_connection((found[1], int(found[2])), _SECONDS_TO_ANSWER).close()
        except (OSError, OverflowError) as error:
            raise ConnectionError(f"{address}: no Ray cluster answers there ({error})") from error
    ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    return ray


def _row(item: Item, record: Record | None) -> str:
    return json.dumps({"item": dataclasses.astuple(item), "record": None if record is None else record.to_json()})


def _outcome(said: dict[str, Any]) -> Outcome[Item]:
    item = Item(*said["item"])
    if "error" in said:
        return Outcome(item, error=RemoteError(said["error"]))
    return Outcome(item, Result(*said["result"]))
