"""Whether a checkpoint's folder is whole, and what becomes of one that is not.

orbax writes a checkpoint under a temporary name and renames it when it is complete. What has a step's name and lacks
something was damaged later: by a copy that was cut short, a disk that failed, a hand that deleted files.
"""

from __future__ import annotations

import json
from pathlib import Path

STATE, FACTS = "state", "facts"
INCOMPLETE = "incomplete"
"""The folder of a run that receives what is not whole."""

_METADATA = "_CHECKPOINT_METADATA"
_NEEDED = (_METADATA, f"{FACTS}/metadata", f"{STATE}/_METADATA", f"{STATE}/manifest.ocdbt")
_JSON = (_METADATA, f"{FACTS}/metadata", f"{STATE}/_METADATA")


def step_folders(folder: Path) -> dict[int, Path]:
    """What is named as a checkpoint's step in a folder, from the last to the first; whole or not."""
    found = {int(path.name): path for path in folder.glob("*") if path.name.isdecimal()}
    return dict(sorted(found.items(), reverse=True))


def defect(checkpoint: Path) -> str | None:
    """What a checkpoint's folder visibly lacks; None where all files that say what it is are there.

    The arrays themselves are only known to be whole when they have been read.
    """
    if not checkpoint.is_dir():
        return "it is no folder"
    if not any(checkpoint.iterdir()):
        return "it is empty"
    if missing := [name for name in _NEEDED if not (checkpoint / name).is_file()]:
        return f"it has no {missing[0]}"
    cut = [name for name in _JSON if not _is_json(checkpoint / name)]
    return f"its {cut[0]} is cut short" if cut else None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except ValueError:
        return False
    return True


def set_aside(checkpoint: Path, run: Path) -> Path:
    """Moves what is not whole out of the way of later checkpoints of its step; returns where it is now."""
    home = run / INCOMPLETE
    home.mkdir(exist_ok=True)
    name = f"{checkpoint.parent.name}-{checkpoint.name}"
    place, count = home / name, 1
    while place.exists():
        count += 1
        place = home / f"{name}-{count}"
    return checkpoint.rename(place)
