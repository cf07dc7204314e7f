"""This library's models behind the interface of all codecs, and the estimates of their likelihoods."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cca_jax.bitstream import container
from cca_jax.bundles.registry import DEFAULT_MODEL, summarize_model
from cca_jax.cli.errors import describe
from cca_jax.cli.library.codecs import load_codec
from cca_jax.codec.codec import Codec
from cca_jax.codec.effort.levels import LEVELS
from cca_jax.codec.encoding import CodedTile
from cca_jax.codec.tiles.stopwatch import Stopwatch
from cca_jax.codec.tiles.tile_coder import TileCoder
from cca_jax.config.quality_scale import check_quality
from cca_jax.model.cca import CCAModel
from cca_jax.model.parts.slice_model import SlicePrediction
from cca_jax.objective.bits import Likelihoods, bits_per_slice
from cca_jax.ops.likelihoods.density import LIKELIHOODS
from cca_jax.ops.likelihoods.scales import scale_of_index
from eval.codecs.interface import TOTAL, CodecError, Decoded, Encoded, Estimate
from eval.results.kinds import Kind
from eval.results.machine import versions

SINGLE_RATE = (0.0,)
"""The settings of a model of a single rate: 0, as the quality in its files says."""
EFFORT = ", effort "
"""Between a model's name and its encoder's effort, where it makes any."""


class OurCodec:
    """A model at several qualities.

    Attributes:
        codec: the model with its range coder.
        name: as plots show it.
        settings: qualities, from low rate to high, or `SINGLE_RATE`.
        effort: that it encodes with.
    """

    kind: Kind = "ours"
    external = False
    setting_name = "quality"

    def __init__(self, codec: Codec, qualities: Sequence[float] = (), name: str | None = None, effort: int = 0) -> None:
        self.codec, self.effort = codec, effort
        self.name = (codec.name if name is None else name) + (f"{EFFORT}{effort}" if effort else "")
        self.settings = tuple(sorted(set(qualities))) or SINGLE_RATE

    @property
    def version(self) -> str:
        """The model's identity, its coder, and the libraries that its arithmetic and times depend on."""
        installed = versions()
        libraries = [f"{package} {installed[package]}" for package in ("cca_jax", "jax") if package in installed]
        search = [f"effort {self.effort} ({LEVELS[self.effort].iterations} iterations)"] if self.effort else []
        return ", ".join([f"model {self.codec.identity.hex()}", f"{self.codec.coder.name} coder", *search, *libraries])

    def encode(self, pixels: np.ndarray, setting: float) -> Encoded:
        """See `ImageCodec`."""
        clock = Stopwatch()
        started = time.perf_counter()
        try:
            encoding = self.codec.encode(pixels, self._quality(setting), effort=self.effort, clock=clock)
            data = encoding.data
        except (ValueError, MemoryError) as error:
            raise CodecError(describe(error)) from error
        seconds = {**clock.seconds, TOTAL: time.perf_counter() - started}
        return Encoded(data, seconds, encoding.bits_per_stream)

    def decode(self, data: bytes) -> Decoded:
        """See `ImageCodec`."""
        clock = Stopwatch()
        started = time.perf_counter()
        try:
            pixels = self.codec.decompress(data, clock=clock)
        except (ValueError, MemoryError) as error:
            raise CodecError(describe(error)) from error
        return Decoded(pixels, {**clock.seconds, TOTAL: time.perf_counter() - started})

    def estimate(self, pixels: np.ndarray, setting: float) -> Estimate:
        """See `EstimatingCodec`: likelihoods without noise, by the true σ where a file is coded by a table near it."""
        encoding = self.codec.encode(pixels, self._quality(setting), effort=self.effort)
        bits = np.array([self._tile_bits(tile, encoding.container.quality) for tile in encoding.tiles])
        return Estimate(tuple(bits.sum(0).tolist()), self._header_bits(encoding.container, bits))

    def _tile_bits(self, tile: CodedTile, quality: float | None) -> Float[np.ndarray, " streams"]:
        """Of each stream of a tile."""
        hyper, *slices = (tile.layout.cut(np.asarray(part)) for part in self._tile_likelihoods(tile, quality))
        return np.asarray(bits_per_slice(Likelihoods(np.concatenate(slices, axis=-1), hyper), self.codec.config)[0])

    def _tile_likelihoods(self, tile: CodedTile, quality: float | None) -> list[Array]:
        """Of each stream of a tile, in the shape of its bucket."""
        layout, bundle = tile.layout, self.codec.bundle
        z_symbols, *symbols = (jnp.asarray(layout.fill(stream)) for stream in tile.symbols)
        density = bundle.config.latent_density
        if bundle.config.exact_scales:  # whose tables' scales are the model's own
            tables = map(jnp.asarray, map(layout.fill, tile.indexes[1:]))
            of_slices = [_table_likelihood(density, *pair) for pair in zip(symbols, tables, strict=True)]
            return [_hyper_likelihood(self.codec.model, self.codec.params, z_symbols), *of_slices]
        run = TileCoder(self.codec.model, self.codec.params, bundle.scales, layout, quality=quality)
        likelihoods = [_hyper_likelihood(run.model, run.params, z_symbols)]

        def code(index: int, prediction: SlicePrediction, tables: Array) -> Array:
            del tables
            likelihoods.append(_slice_likelihood(density, symbols[index], prediction))
            return symbols[index]

        run.code_slices(z_symbols, code)
        return likelihoods

    def _quality(self, setting: float) -> float | None:
        return None if self.settings == SINGLE_RATE else setting

    @staticmethod
    def _header_bits(file: container.Container, tile_bits: Float[np.ndarray, "tiles streams"]) -> int:
        """Header of a file with streams of such lengths, which it states in as few bytes as they need."""
        streams = tuple(container.Stream(bytes(-int(-bits // 8)), 0) for bits in tile_bits.T.ravel())
        return 8 * container.read_header(container.write(dataclasses.replace(file, streams=streams))).size


def our_codecs(models: Sequence[str], qualities: Sequence[float], efforts: Sequence[int] = (0,)) -> list[OurCodec]:
    """Loads models.

    Args:
        models: names or folders; the package's default model if there is none.
        qualities: for models of several rates; what a model itself offers if there is none.
        efforts: each of which models of several rates encode with.

    Raises:
        ValueError, OSError: a model is missing, damaged or named twice, or qualities or an effort were given and none
            has several rates, or one is out of range.
    """
    for quality in qualities:
        check_quality(quality)
    summaries = [summarize_model(model) for model in models or (DEFAULT_MODEL,)]
    names = [summary.name for summary in summaries]
    for option, given in (("quality", qualities), ("effort", any(efforts))):
        if given and not any(summary.qualities for summary in summaries):
            raise ValueError(f"{', '.join(names)}: of a single rate: leave --{option} out")
    if len({summary.identity for summary in summaries}) < len(summaries):
        raise ValueError("--model names the same model twice: name each once")
    made = []
    for summary in summaries:
        codec = cast(Codec, load_codec(str(summary.path)))
        # Two folders may have one name.
        name = summary.name if names.count(summary.name) == 1 else f"{summary.name} {summary.identity.hex()}"
        settings = (tuple(qualities) or summary.qualities) if summary.qualities else ()
        made += [OurCodec(codec, settings, name, effort) for effort in (efforts if settings else (0,))]
    return made


@functools.partial(jax.jit, static_argnums=0)
def _hyper_likelihood(model: CCAModel, params: Any, z_symbols: Array) -> Array:
    z_hat = model.apply({"params": params}, z_symbols, method="hyper_values")
    return model.apply({"params": params}, z_hat, method="hyper_likelihood")


@functools.partial(jax.jit, static_argnums=0)
def _slice_likelihood(density: str, symbols: Array, prediction: SlicePrediction) -> Array:
    # Symbols are distances from the mean.
    scale = cast(Array, prediction.scale)
    return LIKELIHOODS[density](symbols.astype(jnp.float32), jnp.zeros_like(scale), scale)


@functools.partial(jax.jit, static_argnums=0)
def _table_likelihood(density: str, symbols: Array, indexes: Array) -> Array:
    scales = scale_of_index(indexes.astype(jnp.float32))
    return LIKELIHOODS[density](symbols.astype(jnp.float32), jnp.zeros_like(scales), scales)
