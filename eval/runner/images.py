"""The images of a run: a folder's or a dataset's, read one at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from cca_jax.image_io.images import IMAGE_SUFFIXES, read_image
from train.data.decode import quiet_pillow
from train.data.source import PhotoSource
from train.data.tfds import open_tensorflow_dataset

TFDS_PREFIX = "tfds:"
Item = TypeVar("Item")


class LoadedImage(NamedTuple):
    """An image, ready to be coded."""

    name: str
    """Unique within its dataset."""

    pixels: np.ndarray
    """uint8 [H, W, 3]."""

    notes: tuple[str, ...]
    """What reading changed (transparency gone, say), one line each."""


def digest(pixels: np.ndarray) -> str:
    """SHA-256 of size and pixels uint8 [H, W, 3]: what results are kept under, whatever the image's name."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


class ImageSource(Protocol):
    """Images by number."""

    name: str
    names: tuple[str, ...]

    def load(self, index: int) -> LoadedImage:
        """Reads image `index`; ValueError or OSError, in one line, where it cannot be used."""


class FolderSource:
    """The image files in a folder and in the folders within it, sorted by path.

    Hidden files and folders are left out, and links to folders are not followed.

    Attributes:
        name: the folder's name.
        names: the files' paths within the folder.
    """

    def __init__(self, folder: Path) -> None:
        """Lists the files; FileNotFoundError where there is none."""
        if folder.is_file():
            raise ValueError(f"{folder}: is a file: give the folder that it is in")
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: there is no such folder: give a folder of images or tfds:NAME")
        self._folder = folder
        self.name = folder.resolve().name
        self.names = tuple(sorted(path.relative_to(folder).as_posix() for path in _walk(folder)))
        if not self.names:
            raise FileNotFoundError(
                f"{folder}: no image in it or in its folders: one ends in {', '.join(sorted(IMAGE_SUFFIXES))}"
            )

    def load(self, index: int) -> LoadedImage:
        """Reads one file."""
        name = self.names[index]
        pixels, notes = read_image(self._folder / name)
        return LoadedImage(name, pixels, notes)


class DatasetSource:
    """A prepared TensorFlow dataset: its validation split, or its test split, or else all it has to train on.

    Attributes:
        name: tfds:NAME.
        names: NAME[0], NAME[1], ….
    """

    def __init__(self, data: str, data_dir: Path | None) -> None:
        """Opens it; ValueError where it is unknown, not prepared, or without pictures."""
        quiet_pillow()
        name = data.removeprefix(TFDS_PREFIX)
        training, held_out = open_tensorflow_dataset(name, data_dir)
        self._photos: PhotoSource = training if held_out is None else held_out
        self.name = data
        self.names = tuple(f"{name}[{index}]" for index in range(len(self._photos)))

    def load(self, index: int) -> LoadedImage:
        """Decodes one picture."""
        return LoadedImage(self.names[index], self._photos[index], ())


def evenly_spaced(items: Sequence[Item], count: int) -> list[Item]:
    """Some of the items, always the same: the middles of `count` equal parts of the list; all of them if it is short.

    Args:
        items: in order.
        count: how many, at least 0.
    """
    if count >= len(items):
        return list(items)
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]


def open_source(data: str, data_dir: Path | None = None) -> ImageSource:
    """What --data names.

    Args:
        data: a folder, or "tfds:NAME" for a TensorFlow dataset.
        data_dir: where datasets are prepared; None for `tensorflow_datasets`' own place. Unused for a folder.

    Raises:
        ValueError, OSError: there is no such thing, or no image in it.
    """
    if data.startswith(TFDS_PREFIX):
        return DatasetSource(data, data_dir)
    return FolderSource(Path(data))


def _walk(folder: Path) -> list[Path]:
    paths = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = (Path(parent, name) for name in files if not name.startswith("."))
        paths += [path for path in visible if path.suffix.lower() in IMAGE_SUFFIXES]
    return paths
