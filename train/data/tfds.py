"""Photos of a prepared TensorFlow dataset, without TensorFlow.

`tensorflow_datasets` opens what was prepared in a format of random access by its metadata alone: neither the code that
prepared it nor TensorFlow is imported. The pictures are taken as they were stored and decoded like files, so that
colour profiles and orientation count here too.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cca_jax.image_io.images import ImageError
from train.data.decode import decode_photo


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """For as long as `tensorflow_datasets` looks around: it warns of every folder that it looks into for nothing.

    Other threads' warnings, and all levels, stay as they are.
    """
    here = threading.get_ident()

    def keep(record: logging.LogRecord) -> bool:
        return record.thread != here or record.levelno >= logging.ERROR

    log = logging.getLogger("absl")
    log.addFilter(keep)
    try:
        yield
    finally:
        log.removeFilter(keep)


class TensorFlowDatasetPhotos:
    """A `PhotoSource` of one split, opened anew in every process that gets a copy."""

    @_without_warnings()
    def __init__(self, directory: str, split: str, feature: str) -> None:
        self._where = directory, split, feature
        tfds = _tensorflow_datasets()
        builder = tfds.builder_from_directory(directory)
        self._feature = feature
        self._name = f"{builder.info.full_name} {split}"
        encoded = dict.fromkeys(_pictures(tfds, builder), tfds.decode.SkipDecoding())
        self._records: Sequence[dict[str, bytes]] = builder.as_data_source(split, decoders=encoded)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> np.ndarray:
        name = f"{self._name}[{index}]"
        try:
            encoded = self._records[index][self._feature]
        except (OSError, RuntimeError) as error:
            raise ImageError(f"{name}: cannot be read: {' '.join(str(error).split())}") from error
        return decode_photo(io.BytesIO(encoded), name)

    def __reduce__(self) -> tuple[type[TensorFlowDatasetPhotos], tuple[str, str, str]]:
        return TensorFlowDatasetPhotos, self._where


@_without_warnings()
def open_tensorflow_dataset(
    name: str, data_dir: Path | None
) -> tuple[TensorFlowDatasetPhotos, TensorFlowDatasetPhotos | None]:
    """Opens a dataset's photos for training and, where it has a split for that, for validation.

    Args:
        name: NAME[/CONFIG][:VERSION].
        data_dir: where it was prepared; None for the place that `tensorflow_datasets` takes by itself.

    Returns:
        Its split `train`, and `validation` or `test` or None.

    Raises:
        ValueError: the name is not known, the dataset is not prepared, not for random access, or has no pictures or no
            photos to train on; or `tensorflow_datasets` is not installed.
    """
    tfds = _tensorflow_datasets()
    builder = _prepared_builder(tfds, name, data_dir)
    splits = [split for split, info in builder.info.splits.items() if info.num_examples]
    if "train" not in splits:
        raise ValueError(f"tfds:{name}: has no split 'train', only {', '.join(splits) or 'empty ones'}")
    pictures = _pictures(tfds, builder)
    if not pictures:
        raise ValueError(f"tfds:{name}: holds no pictures of 8 or 16 bits")
    feature = "image" if "image" in pictures else pictures[0]
    directory = str(builder.data_dir)
    try:
        training = TensorFlowDatasetPhotos(directory, "train", feature)
    except NotImplementedError as error:
        raise ValueError(
            f"tfds:{name}: {directory} holds it as {builder.info.file_format.value}, which cannot be read in any "
            f"order: prepare it elsewhere by {_command(name, 'DIR')}"
        ) from error
    held_out = next((split for split in ("validation", "test") if split in splits), None)
    return training, None if held_out is None else TensorFlowDatasetPhotos(directory, held_out, feature)


def _prepared_builder(tfds: Any, name: str, data_dir: Path | None) -> Any:
    try:
        builder = tfds.builder(name, data_dir=data_dir and str(data_dir))
    except Exception as error:  # refused in many ways, some of which list everything there is
        raise ValueError(f"tfds:{name}: cannot be opened: {str(error).splitlines()[0]}") from error
    if not builder.is_prepared():
        place = builder.data_dir_root
        raise ValueError(f"tfds:{name}: is not prepared in {place}: run {_command(name, place)}")
    return builder


def _command(name: str, place: str) -> str:
    options = f"data_dir='{place}', file_format='array_record'"
    return f"python -c \"import tensorflow_datasets as t; t.builder('{name}', {options}).download_and_prepare()\""


def _pictures(tfds: Any, builder: Any) -> list[str]:
    """Names of the features that are pictures of 8 or 16 bits."""
    features = builder.info.features
    return [
        name
        for name, feature in (features.items() if hasattr(features, "items") else ())
        if isinstance(feature, tfds.features.Image) and np.issubdtype(feature.np_dtype, np.unsignedinteger)
    ]


def _tensorflow_datasets() -> Any:
    try:
        return importlib.import_module("tensorflow_datasets")
    except ImportError as error:
        raise ValueError(
            "tfds:NAME needs the package tensorflow-datasets, which is not installed: pip install -e '.[tfds]'"
        ) from error
