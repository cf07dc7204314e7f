"""The frozen coding tables of a bundle: how they follow from its parameters, and what its file calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cca_jax.config import ModelConfig
from cca_jax.entropy_coding.tables import (
    CodingTables,
    gaussian_tables,
    laplacian_tables,
    scale_table,
    tables_from_pmfs,
    typical_scales,
)
from cca_jax.ops.likelihoods.density import LAPLACIAN_TAIL_MASS, SCALE_FLOOR, TAIL_MASS
from cca_jax.ops.likelihoods.scales import SCALE_CEILING, SCALE_COUNT

_SCALES = "tables/scales"
_LATENT, _HYPER = "tables/gaussian/", "tables/hyper/"  # the first models' latents were all Gaussian
TABLE_ARRAYS = {_SCALES, *(f"{kind}{key}" for kind in (_LATENT, _HYPER) for key in ("cdf", "starts", "minimum"))}
"""The names of the tables' arrays in the file."""


def frozen_tables(config: ModelConfig, params: Mapping[str, Any]) -> tuple[np.ndarray, CodingTables, CodingTables]:
    """The tables of a model: computed once, when its bundle is built.

    Args:
        config: the model's.
        params: its parameters as the bundle stores them.

    Returns:
        The upper ends of the scales that the latent's tables serve, float32 [64]; these tables, of the densities that
        the configuration names; and those of the hyper-latent's channels.
    """
    from cca_jax.model.coding.tables import hyper_pmfs  # jitted: imports what reading a bundle does not need

    scales = scale_table(SCALE_COUNT, SCALE_FLOOR, SCALE_CEILING)
    hyper = tables_from_pmfs(*hyper_pmfs(config, params))
    # A scale from the context lies anywhere below its table's; a scale of the integer network is its table's.
    served = scales if config.exact_scales else typical_scales(scales)
    if config.latent_density == "laplacian":
        return scales, laplacian_tables(served, LAPLACIAN_TAIL_MASS), hyper
    return scales, gaussian_tables(served, TAIL_MASS), hyper


def tables_to_arrays(scales: np.ndarray, latent: CodingTables, hyper: CodingTables) -> dict[str, np.ndarray]:
    """The tables as arrays by their names in the file."""
    named = {_SCALES: scales}
    for kind, tables in ((_LATENT, latent), (_HYPER, hyper)):
        named.update({f"{kind}{key}": value for key, value in tables.to_arrays().items()})
    return named


def tables_from_arrays(arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, CodingTables, CodingTables]:
    """The tables among a file's arrays, as `frozen_tables` returns them.

    Raises:
        ValueError: one of their arrays is missing, or they are no coding tables.
    """
    if missing := sorted(TABLE_ARRAYS - set(arrays)):
        raise ValueError(f"coding tables: it has no {', '.join(missing)}")
    latent, hyper = (
        CodingTables.from_arrays({n.removeprefix(kind): a for n, a in arrays.items() if n.startswith(kind)})
        for kind in (_LATENT, _HYPER)
    )
    return arrays[_SCALES], latent, hyper
