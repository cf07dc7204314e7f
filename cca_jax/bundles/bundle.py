"""A model on disk: weights and coding tables, configuration, identity and card, in one folder.

    config.json          {"format": 1, "description", "identity", "model": the configuration, every field}
    weights.safetensors  "params/…" the parameters, "tables/…" the frozen coding tables
    README.md            the model card
    provenance.json      optional: how the weights were made (`cca_jax.bundles.provenance`)

The folder's name is the model's.
The tables are integers, computed once, when the bundle is built. So no file depends on what another machine's
arithmetic would make of the weights. The weights of the integer network are integers too, stored in 256ths. The
identity is a hash of configuration, parameters and tables; files name it. Names, types and shapes are compared with the
configuration before any array is read, but for the package's own bundles: who made a bundle made its identity, too.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cca_jax.bundles.array_checks import PARAMS, check_names_and_types, check_parameters, read_headers
from cca_jax.bundles.coding_tables import TABLE_ARRAYS, frozen_tables, tables_from_arrays, tables_to_arrays
from cca_jax.config import ModelConfig
from cca_jax.config.quality_scale import SWEEP
from cca_jax.entropy_coding.tables import CodingTables
from cca_jax.model.integer_network.arithmetic import snapped
from cca_jax.model.parameters.shapes import AUXILIARY, check_shapes, flatten, unflatten
from cca_jax.model.parts.chosen import parts_of
from cca_jax.model.registry import UnregisteredPartError
from cca_jax.ops.likelihoods.scales import SCALE_COUNT

_FORMAT = 1
CONFIG, WEIGHTS, CARD = "config.json", "weights.safetensors", "README.md"
"""The files of a bundle."""
PACKAGE_MODELS = Path(__file__).resolve().parent / "weights"
"""The folder of the models that come with the package."""


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A model in memory, ready to code.

    Attributes:
        name: what people call it.
        description: one line.
        config: its sizes.
        params: the parameters without the auxiliary model, float32 or, as stored, float16.
        scales: the upper ends of the scales that the tables serve, float32 [64].
        latent: their tables, of the densities that the configuration names.
        hyper: tables of the hyper-latent's channels; symbols are distances from the medians.
    """

    name: str
    description: str
    config: ModelConfig
    params: dict[str, Any]
    scales: np.ndarray
    latent: CodingTables
    hyper: CodingTables

    @classmethod
    def build(
        cls, name: str, description: str, config: ModelConfig, params: Mapping[str, Any], dtype: str = "float32"
    ) -> Bundle:
        """A bundle of trained parameters: freezes the tables.

        Args:
            name: what to call it.
            description: one line for `cca-jax models`.
            config: the sizes.
            params: the `params` collection; the auxiliary model's are left out.
            dtype: "float32", or "float16" to halve the file. Rounding comes before the tables are made, so these and
                the weights agree.
        """
        kept = {k: _stored(k, v) for k, v in flatten(dict(params)).items() if not k.startswith(AUXILIARY)}
        with np.errstate(over="ignore"):  # what overflows is refused below
            arrays = {k: np.asarray(v, dtype) for k, v in kept.items()}
        check_shapes({k: v.shape for k, v in arrays.items()}, config, auxiliary=False)
        for key, value in arrays.items():
            if not np.isfinite(value).all():
                raise ValueError(f"parameter {key} holds numbers that are not finite in {dtype}")
        stored = unflatten(arrays)
        return cls(name, description, config, stored, *frozen_tables(config, stored))

    @property
    def qualities(self) -> tuple[float, ...]:
        """Ten qualities over the model's range; none where it has a single rate."""
        return SWEEP if self.config.rate_weights else ()

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by their names in the file, each in C order: safetensors writes memory as it lies."""
        named = {f"params/{key}": np.asarray(value) for key, value in flatten(self.params).items()}
        named.update(tables_to_arrays(self.scales, self.latent, self.hyper))
        return {name: np.ascontiguousarray(array) for name, array in named.items()}

    @property
    def identity(self) -> bytes:
        """8 bytes that name configuration, weights and tables."""
        return _identity(self.config, self.arrays)


def _identity(config: ModelConfig, arrays: Mapping[str, np.ndarray]) -> bytes:
    digest = hashlib.sha256(json.dumps(config.to_hash(), sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.name} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()[:8]


def _stored(name: str, values: Any) -> Any:
    """A parameter as a bundle holds it: those of the integer network lie on their grid, where float16 is exact."""
    module, _, leaf = name.rpartition("/")
    return snapped(jnp.asarray(values, jnp.float32), leaf) if module.startswith("exact_scales/") else values


def check_new_folder(folder: str | Path) -> None:
    """Raises ValueError unless the folder is empty or does not exist."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} already exists: name a new folder")


def save_bundle(bundle: Bundle, folder: str | Path, card: str) -> None:
    """Writes a bundle; the folder appears whole or not at all.

    It is made in a hidden folder beside it, which a process that is killed leaves behind.

    Raises:
        ValueError: the folder exists and is not empty; the bundle's parameters are not those of its configuration.
        OSError: it cannot be written.
    """
    check_new_folder(folder)
    shapes = {name: np.shape(value) for name, value in flatten(bundle.params).items()}
    check_shapes(shapes, bundle.config, auxiliary=False)  # which loading leaves out for a model with an identity
    folder = Path(folder)
    about = {"format": _FORMAT, "description": bundle.description, "identity": bundle.identity.hex()}
    text = json.dumps({**about, "model": bundle.config.to_dict()}, indent=2)
    files = {CONFIG: f"{text}\n".encode(), CARD: card.encode(), WEIGHTS: save(bundle.arrays)}
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".", suffix=".part") as scratch:
            part = Path(scratch) / "bundle"
            part.mkdir()
            for name, content in files.items():
                (part / name).write_bytes(content)
            os.replace(part, folder)
    except OSError as error:  # it names a hidden file, which would tell the user nothing
        raise OSError(error.errno, error.strerror, str(folder)) from error


def load_bundle(folder: Path) -> Bundle:
    """The bundle in a folder, checked to be whole.

    Raises:
        UnregisteredPartError: its configuration names a part that this process does not know.
        ValueError: the folder is not a bundle, or one of its parts is damaged.
    """
    description, config, identity = _read_config(folder)
    try:
        parts_of(config)
    except UnregisteredPartError as error:
        raise UnregisteredPartError(f"model {folder}: {error}") from error
    try:
        with safe_open(folder / WEIGHTS, framework="numpy") as file:
            headers = read_headers(file)
            check_names_and_types(headers, TABLE_ARRAYS)
            if folder.resolve().parent != PACKAGE_MODELS:
                check_parameters(headers, config)
            arrays = {name: file.get_tensor(name) for name in headers}
        computed = _identity(config, arrays).hex()
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{folder / WEIGHTS} cannot be read ({error}): copy or download the model again") from error
    bundle = _assemble(folder, description, config, arrays)
    if identity not in (None, computed):
        raise ValueError(
            f"{folder}: its weights are those of {computed}, its {CONFIG} is of {identity}: one of them "
            "changed, copy or download the model again"
        )
    return bundle


def _assemble(folder: Path, description: str, config: ModelConfig, arrays: Mapping[str, np.ndarray]) -> Bundle:
    for name, array in arrays.items():
        if name.startswith(PARAMS) and not np.isfinite(array).all():
            raise ValueError(f"{folder / WEIGHTS}: {name} holds numbers that are not finite: use another model")
    params = unflatten({n[7:]: a for n, a in arrays.items() if n.startswith("params/")})
    try:
        scales, latent, hyper = tables_from_arrays(arrays)
    except ValueError as error:
        raise ValueError(f"{folder / WEIGHTS}: {error}: copy or download the model again") from error
    fit = scales.dtype == np.float32 and (*scales.shape, config.hyper_channels) == (latent.count, hyper.count)
    if not fit or (config.exact_scales and len(scales) != SCALE_COUNT):
        raise ValueError(f"{folder}: its coding tables do not fit its configuration: copy or download the model again")
    return Bundle(folder.resolve().name, description, config, params, scales, latent, hyper)


def stated_identity(folder: Path) -> str | None:
    """The identity that a bundle's config.json states, in hexadecimal: what `load_bundle` then checks; None without.

    Raises:
        ValueError: the folder is not a bundle.
    """
    return _read_config(folder)[2]


def _read_config(folder: Path) -> tuple[str, ModelConfig, str | None]:
    try:
        values = json.loads((folder / CONFIG).read_text())
        if values["format"] != _FORMAT:
            raise ValueError(f"its format is {values['format']}, this version reads {_FORMAT}; a newer one may read it")
        return str(values["description"]), ModelConfig.from_dict(values["model"]), values.get("identity")
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(f"{folder / CONFIG} cannot be used ({error!s}): give a model folder") from error
