"""From what a person names to photos for training and photos for validation."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

from train.data.decode import quiet_pillow
from train.data.folder import FolderPhotos, open_folder
from train.data.source import PhotoSource, Subset
from train.data.splits import hold_out, thin_out
from train.data.tfds import open_tensorflow_dataset

_PREFIX = "tfds:"
_MOST_LINES = 20


@dataclass(frozen=True)
class Photos:
    """What a run learns from and what it is judged by.

    Attributes:
        training: at least one photo.
        validation: at least one, none of them in `training`.
        fingerprint: of the photos to learn from: it changes with their number and names, not with what is in them.
        notes: lines for a person: what was passed over, last how many photos are used.
    """

    training: PhotoSource
    validation: PhotoSource
    fingerprint: str
    notes: tuple[str, ...]


def open_photos(spec: str, validation_photos: int, data_dir: Path | None = None) -> Photos:
    """Opens a folder of photos or a prepared TensorFlow dataset; decodes nothing.

    A folder that holds folders `train` and `test` is split by them, a dataset by its own splits; then at most
    `validation_photos` of the validation split, evenly spaced, are used. Anything else is split by holding out so many.

    Args:
        spec: a folder, or tfds:NAME as `tensorflow_datasets` names it: NAME[/CONFIG][:VERSION].
        validation_photos: how many photos to validate with.
        data_dir: where datasets are prepared; None for `tensorflow_datasets`' own place. Unused for a folder.

    Returns:
        Photos of both kinds. The same ones for the same files, in whatever order the disk lists them.

    Raises:
        ValueError: nothing usable, too few photos, an unknown or unprepared dataset, or a package is missing; the
            message is one line that says what to do.
    """
    if validation_photos < 1:
        raise ValueError(f"validation_photos must be at least 1, got {validation_photos}")
    quiet_pillow()
    skipped: list[str] = []
    validation_split: PhotoSource | None = None
    training: PhotoSource
    validation: PhotoSource
    if spec.startswith(_PREFIX):
        training, validation_split = open_tensorflow_dataset(spec.removeprefix(_PREFIX), data_dir)
    elif all((Path(spec) / name).is_dir() for name in ("train", "test")):
        training, skipped = open_folder(Path(spec) / "train")
        validation_split, skipped_too = open_folder(Path(spec) / "test")
        skipped += skipped_too
    else:
        training, skipped = open_folder(Path(spec))
    if validation_split is None:
        training, validation = hold_out(training, validation_photos)
        used = f"{len(training)} photos for training, {len(validation)} held out for validation"
    else:
        validation = thin_out(validation_split, validation_photos)
        used = (
            f"{len(training)} photos for training, {len(validation)} of the validation split's {len(validation_split)}"
        )
    passed_over = f"; {len(skipped)} passed over" if skipped else ""
    return Photos(
        training, validation, _fingerprint(spec, training), (*_shortened(skipped), f"{spec}: {used}{passed_over}")
    )


def _fingerprint(spec: str, training: PhotoSource) -> str:
    whole = training.source if isinstance(training, Subset) else training
    names = whole.names if isinstance(whole, FolderPhotos) else (spec,)
    return f"{len(training)} photos, {zlib.crc32(chr(0).join(names).encode()):08x}"


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], f"… and {len(lines) - _MOST_LINES} more files that cannot be used"]
