"""A rehearsal meets the steps that the image will, in the same shapes."""

import jax
import numpy as np
import pytest

from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.codec.tiles import precompile
from cca_jax.codec.tiles.tile_coder import TileCoder
from cca_jax.entropy_coding import coders


def signature(step, arguments):
    shapes = [(leaf.shape, np.dtype(leaf.dtype)) for leaf in jax.tree.leaves(arguments) if hasattr(leaf, "dtype")]
    return step.__name__, shapes


@pytest.mark.parametrize("kind", ["micro", "micro_lite", "micro_context"])
def test_all_that_a_file_needs_is_compiled_ahead(kind, request, monkeypatch):
    codec = Codec(
        Bundle.build(kind, "", request.getfixturevalue(kind), request.getfixturevalue(f"{kind}_params")),
        coders.get_coder("constriction"),
    )
    met = {precompile._Rehearsal: [], TileCoder: []}

    def listen(owner):
        run = owner._run

        def overheard(self, part, step, *arguments):
            met[owner].append(signature(step, arguments))
            return run(self, part, step, *arguments)

        monkeypatch.setattr(owner, "_run", overheard)

    listen(precompile._Rehearsal)
    listen(TileCoder)
    monkeypatch.setattr(precompile, "_rehearsed", set())
    image = np.zeros((64, 64, 3), np.uint8)
    data = codec.compress(image)
    assert codec.decompress(data).shape == image.shape
    once = list(met[precompile._Rehearsal])
    assert once == met[TileCoder]
    codec.compress(image)
    assert met[precompile._Rehearsal] == once  # a process rehearses once
