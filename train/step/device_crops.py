"""Crops cut inside a step, out of photos that the device holds: pure functions of the run's seed and the step's number.

What `train.data.pipeline` makes on the host, with one difference: there a photo comes once an epoch, here every crop
draws its photo anew. The crops of a step share the photos out evenly, crop number b of B taking its photo from the b-th
of B equal parts of all shares, so that each photo comes as often as its share says, to one crop more or less a step.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Int32, UInt8, UInt32

from train.data.packed import PackedPhotos
from train.step.mesh import on_own_rows

_CROPS = 2
"""Which of a seed's words the crops take; the host's pipeline has those before it."""


def draw_crops(
    photos: PackedPhotos,
    seed: int | Array,
    step: int | Int32[Array, ""],
    count: int,
    size: int,
    mesh: Mesh | None = None,
) -> UInt8[Array, "B S S 3"]:
    """The crops of one step.

    Args:
        photos: on every device of the mesh.
        seed: of the run, or its `crop_key`.
        step: its number, counted from 0.
        count: crops B, over all devices.
        size: their side S in pixels; no photo is smaller.
        mesh: the devices, each of which cuts its own rows; None for one.
    """
    key = seed if isinstance(seed, jax.Array) else crop_key(seed)
    places = draw_places(photos, jax.random.fold_in(key, step), count, size)
    if mesh is None:
        return _cut(photos.pixels, places, size)
    return on_own_rows(lambda pixels, rows: _cut(pixels, rows, size), photos.pixels, places, mesh)


def crop_key(seed: int) -> Array:
    """The key from which all crops of a run are drawn."""
    return jax.random.key(int(np.random.SeedSequence(seed).generate_state(_CROPS + 1)[_CROPS]))


def draw_places(
    photos: PackedPhotos, key: Array, count: int, size: int
) -> tuple[Int32[Array, " B"], Int32[Array, " B"]]:
    """Where `count` crops begin in `photos.pixels`, and the widths of their photos; arguments as for `draw_crops`."""
    which, down, across = jax.random.uniform(key, (3, count))
    share = (jnp.arange(count) + which) / count
    number = jnp.minimum(jnp.searchsorted(photos.cumulative, share, side="right"), photos.count - 1)
    width = photos.widths[number]
    top, left = (
        jnp.minimum((place * choices).astype(jnp.int32), choices - 1)
        for place, choices in ((down, photos.heights[number] - size + 1), (across, width - size + 1))
    )
    return photos.offsets[number] + top * width + left, width


def _cut(
    pixels: UInt32[Array, " P"], places: tuple[Int32[Array, " b"], Int32[Array, " b"]], size: int
) -> UInt8[Array, "b S S 3"]:
    first, width = places
    rows = first[:, None] + width[:, None] * jnp.arange(size, dtype=jnp.int32)[None]
    words = jax.vmap(jax.vmap(lambda start: jax.lax.dynamic_slice(pixels, (start,), (size,))))(rows)
    return jnp.stack([words >> shift & 255 for shift in (0, 8, 16)], axis=-1).astype(jnp.uint8)
