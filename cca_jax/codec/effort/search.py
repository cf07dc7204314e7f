"""From the networks' latent of a tile to the best one found.

What a search ends with, and some of what it passes, is coded as any latent is, and decoded: kept is what has the least
L = 0.05 · 255² · MSE + λ · bits per pixel, of real streams and real pixels. So effort never makes a tile worse.

A tile is searched within its halo, where the latent is that of the networks: what it does to its neighbours' pixels
counts. One tile after the other, so that memory follows the tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

import jax.numpy as jnp
import numpy as np

from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.effort import descent
from cca_jax.codec.effort.levels import HYPER_RATE, Level
from cca_jax.codec.effort.objective import Surroundings, weighted_sum
from cca_jax.codec.tiles.image_coder import AnalyzedTile, ImageCoder
from cca_jax.codec.tiles.latent_coding import Coded, encode_latent
from cca_jax.codec.tiles.stopwatch import timed
from cca_jax.compile_cache.programs import find
from cca_jax.entropy_coding.coders import RangeCoder
from cca_jax.model.rates import RatePoint
from cca_jax.ops.valid_region import ValidRegion
from cca_jax.tiling.geometry import UNIT
from cca_jax.tiling.halo import POSITIONS

SEARCH = "search"
"""The part of a stopwatch's seconds."""
AT_ONCE = 4
"""Iterations in one call: all levels share its program."""
_LOOKS = 4
"""How many times a search looks what it has."""

Progress = Callable[[int, int], None]
"""(iterations done, iterations of all tiles): called after each few."""


class Effort(NamedTuple):
    """What tiles are searched with.

    Attributes:
        level: how long.
        bundle: the model.
        coder: to write with.
    """

    level: Level
    bundle: Bundle
    coder: RangeCoder


class Choice(NamedTuple):
    """A tile as it is coded without effort, and the better of that and what was found."""

    plain: Coded
    best: Coded


def search_tiles(
    run: ImageCoder, image: np.ndarray, effort: Effort, progress: Progress | None = None
) -> Iterator[Choice]:
    """Each tile's choice, in the order of the tiles.

    Args:
        run: of the image's grid.
        image: RGB, uint8 or uint16 [H, W, 3].
        effort: see there.
        progress: is told how far it is.

    Raises:
        ValueError: a latent is not finite.
    """
    total = run.grid.count * effort.level.iterations
    for number, tile in enumerate(run.analyze_tiles(image)):

        def report(done: int, before: int = number * effort.level.iterations) -> None:
            if progress is not None:
                progress(before + done, total)

        yield _search(tile, image.shape, effort, report)


def _search(tile: AnalyzedTile, shape: tuple[int, ...], effort: Effort, report: Callable[[int], None]) -> Choice:
    run, level = tile.coding, effort.level
    around = _surroundings(tile, shape)
    plain = best = last = encode_latent(run, tile.y, effort.bundle, effort.coder)
    least = _cost(tile, around, plain)
    state = find(descent.begin, (run.model, run.params, tile.y, around.region, around.rate))()
    looks = {round(level.iterations * (k + 1) / _LOOKS / AT_ONCE) * AT_ONCE for k in range(_LOOKS)}
    for first in range(0, level.iterations, AT_ONCE):
        arguments = (run.model, run.params, state, around, _iterations(level, first))
        state = timed(run.clock, SEARCH, find(descent.descend, arguments))
        done = first + AT_ONCE
        if done in looks:
            y, z_symbols = find(descent.to_code, (state.latents, around.region, around.rate))()
            if not np.isfinite(np.asarray(y)).all():  # the best so far is what there is
                report(level.iterations)
                break
            now = encode_latent(run, y, effort.bundle, effort.coder, z_symbols)
            cost = _cost(tile, around, now)
            if cost < least:
                best, least = now, cost
            if now[1] == last[1]:  # nothing moves: a picture without content, say
                report(level.iterations)
                break
            last = now
        report(done)
    return Choice(plain, best)


def _iterations(level: Level, first: int) -> descent.Iterations:
    numbers = range(first, first + AT_ONCE)
    return descent.Iterations(
        *(
            jnp.asarray(np.array(values, np.float32))
            for values in (
                [1 + number for number in numbers],
                [level.temperature(number) for number in numbers],
                [level.memory] * AT_ONCE,
                [level.rate] * AT_ONCE,
                [HYPER_RATE * level.rate] * AT_ONCE,
            )
        )
    )


def _surroundings(tile: AnalyzedTile, shape: tuple[int, ...]) -> Surroundings:
    run, around = tile.coding, tile.around
    corners = ((around.top, around.bottom), (around.left, around.right))
    sides = [min(side, last * UNIT) - first * UNIT for side, (first, last) in zip(shape, corners, strict=False)]
    return Surroundings(
        pixels=jnp.asarray(tile.pixels),
        sides=jnp.asarray(np.array(sides, np.int32)),
        halo=tile.halo,
        place=jnp.asarray(np.array([tile.place.top, tile.place.left], np.int32) * POSITIONS),
        wide=_with_gradients(tile.wide.layout.region),
        region=_with_gradients(run.layout.region),
        rate=cast(RatePoint, run.rate),
    )


def _with_gradients(region: ValidRegion | None) -> ValidRegion | None:
    return None if region is None else region.replace(gradients=True)  # type: ignore[attr-defined]


def _cost(tile: AnalyzedTile, around: Surroundings, coded: Coded) -> float:
    """L of what a decoder makes of the tile within its halo, summed over pixels."""
    (coded_tile, streams), (rows, columns) = coded, np.asarray(around.sides)
    placed = find(descent.place, (coded_tile.latent, around))()
    pixels = np.asarray(tile.wide.pixels(placed))
    difference = pixels[:, :rows, :columns].astype(np.float64) - tile.pixels[:, :rows, :columns]
    bits = 8 * sum(len(stream.data) for stream in streams)
    return weighted_sum(float(np.square(difference).sum()), float(around.rate.weight[0]), bits)
