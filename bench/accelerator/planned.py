"""What `python -m train --compile-for … --json` said of a step, to be laid beside what was measured."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Plan:
    """A step that was compiled elsewhere; bytes are one device's.

    Attributes:
        device_kind: that it was compiled for.
        crops: on each device.
        precision: of the networks.
        bound_seconds: of a step, at best.
        main_memory_bytes: that a step moves.
    """

    device_kind: str
    crops: int
    precision: str
    bound_seconds: float
    main_memory_bytes: float


def read_plan(path: Path) -> Plan:
    """A plan from the file that the command's output was kept in.

    Raises:
        ValueError: it holds something else.
    """
    try:
        values = json.loads(path.read_text())
        return Plan(
            device_kind=values["device_kind"],
            crops=values["batch_size"] // values["devices"],
            precision=values["precision"],
            bound_seconds=float(values["bound"]["seconds"]),
            main_memory_bytes=float(values["main_memory_bytes"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not what `python -m train --compile-for TOPOLOGY --json` prints") from error


def beside_plan(found: Mapping[str, Any], plan: Plan | None, device_kind: str) -> dict[str, Any]:
    """The planned bound and the share of it that a measured step reaches; nothing where the plan is of another step.

    Args:
        found: of `measure_step`.
        plan: of the same preset, or None.
        device_kind: that was measured on.
    """
    if plan is None or (plan.device_kind, plan.crops, plan.precision) != (
        device_kind,
        found["crops"],
        found["precision"],
    ):
        return {}
    return {
        "planned_bound_seconds": plan.bound_seconds,
        "planned_main_memory_bytes": plan.main_memory_bytes,
        "share_of_planned_bound": plan.bound_seconds / found["seconds"],
    }
