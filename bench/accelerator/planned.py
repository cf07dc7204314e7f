"""What `python -m train --compile-for … --json` said of a step, to be laid beside what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_plans(paths: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Plans by preset, from the files that the command's output was kept in.

    Raises:
        ValueError: one holds something else.
    """
    return {preset: _read(path) for preset, path in paths.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        plan = json.loads(path.read_text())
        float(plan["bound"]["seconds"]), plan["batch_size"] // plan["devices"], str(plan["precision"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is not what `python -m train --compile-for TOPOLOGY --json` prints ({error!r})"
        ) from error
    return plan


def beside_plan(found: Mapping[str, Any], plan: Mapping[str, Any] | None, device_kind: str) -> dict[str, Any]:
    """The planned bound and the share of it that a measured step reaches; nothing where the plan is of another step.

    Args:
        found: of `measure_step`.
        plan: of the same preset, or None.
        device_kind: that was measured on.
    """
    if plan is None or plan["device_kind"] != device_kind:
        return {}
    if (plan["batch_size"] // plan["devices"], plan["precision"]) != (found["crops"], found["precision"]):
        return {}
    seconds = plan["bound"]["seconds"]
    return {
        "planned_bound_seconds": seconds,
        "planned_main_memory_bytes": plan["main_memory_bytes"],
        "share_of_planned_bound": seconds / found["seconds"],
    }
