"""What the command line asks of models: which are installed, what they are, and PyTorch's checkpoints, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def model_name(identity: bytes) -> str | None:
    """The name of the installed model with that identity, or None."""
    from cca_jax.bundles import registry

    try:
        # The folder's name is what --model takes.
        return registry.find_model(identity).name
    except (ValueError, OSError):
        return None


def list_models() -> list[Any]:
    """A `registry.ModelSummary` of each model that comes with the package."""
    from cca_jax.bundles import registry

    return list(registry.list_models())


def model_summary(name_or_path: str) -> Any:
    """The `registry.ModelSummary` of a model by name or folder.

    Raises:
        ValueError, OSError: there is no such model, or it is damaged.
    """
    from cca_jax.bundles import registry

    return registry.summarize_model(name_or_path)


def model_provenance(folder: Path) -> Any:
    """The `provenance.Provenance` of a model folder, or None where it has none.

    Raises:
        ValueError, OSError: the folder has one that cannot be read.
    """
    from cca_jax.bundles import provenance

    return provenance.read_provenance(folder)


def convert_checkpoint(path: Path, out_dir: Path, preset: str, weights: str | None) -> str | None:
    """Converts a PyTorch checkpoint to a model folder; returns a line on what other weights it had.

    Raises:
        ValueError, OSError: the checkpoint or the preset is not what it should be.
    """
    from cca_jax.convert import checkpoint

    return checkpoint.convert_checkpoint(path, out_dir, preset, weights)


def write_checkpoint(name_or_path: str, path: Path) -> str | None:
    """Writes a model as a PyTorch checkpoint; returns a line where the released code must be edited for it.

    Raises:
        ValueError, OSError: there is no such model, the released code has none of its kind, or the file cannot be
            written.
        ImportError: torch is not installed.
    """
    from cca_jax.bundles import registry
    from cca_jax.bundles.bundle import load_bundle
    from cca_jax.convert import write_checkpoint

    return write_checkpoint.write_checkpoint(load_bundle(registry.locate(name_or_path)), path)
