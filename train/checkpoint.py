"""A run's state on disk: one safetensors file, replaced atomically."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import jax
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

State = TypeVar("State")

FILE_NAME = "checkpoint.safetensors"


def save(folder: Path, state: object) -> None:
    """Writes every array of a pytree; a reader sees the old file or the new one, never a part."""
    arrays = {_name(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(state)}
    partial = folder / (FILE_NAME + ".partial")
    save_file(arrays, partial)
    os.replace(partial, folder / FILE_NAME)


def restore(folder: Path, template: State) -> State:
    """The saved state in the structure of `template`.

    Raises:
        ValueError: no checkpoint, or one of another structure.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise ValueError(f"no checkpoint in {folder}: leave --resume out to start a new run")
    try:
        arrays = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}): start the run again") from error
    leaves, structure = jax.tree_util.tree_flatten_with_path(template)
    names = [_name(place) for place, _ in leaves]
    if set(names) != set(arrays) or any(
        arrays[n].shape != np.shape(leaf) for n, (_, leaf) in zip(names, leaves, strict=True)
    ):
        raise ValueError(f"{path} is of another configuration than this run: use the options it was started with")
    return jax.tree_util.tree_unflatten(structure, [arrays[name] for name in names])


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path)
