"""Shapes at the released sizes, found without computing; tests/test_golden.py compares numbers."""

import jax
import jax.numpy as jnp
import pytest

from cca_jax.config import PRESETS
from cca_jax.model.parts.naf import AnalysisTransform, HyperAnalysis, HyperSynthesis, SynthesisTransform

PAPER = PRESETS["paper"]


def traced(module, *shape):
    return jax.eval_shape(module(PAPER).init_with_output, jax.random.key(0), jnp.zeros(shape))


@pytest.mark.parametrize(
    ("module", "arguments", "expected"),
    [
        (AnalysisTransform, (2, 64, 128, 3), (2, 4, 8, 320)),
        (SynthesisTransform, (2, 4, 8, 320), (2, 64, 128, 3)),
        (HyperAnalysis, (2, 4, 8, 320), (2, 1, 2, 192)),
        (lambda config: HyperSynthesis(config, 320), (2, 1, 2, 192), (2, 4, 8, 320)),
    ],
)
def test_shapes(module, arguments, expected):
    assert traced(module, *arguments)[0].shape == expected


def test_the_synthesis_transform_mirrors_the_analysis_transform():
    def widths(module, prefix, *shape):
        params = traced(module, *shape)[1]["params"]
        return [params[f"{prefix}_{i}"]["kernel"].shape[2:] for i in range(4)]

    down = widths(AnalysisTransform, "down", 1, 64, 64, 3)
    up = widths(SynthesisTransform, "up", 1, 4, 4, 320)
    assert down == [(3, 192), (192, 224), (224, 256), (256, 320)]
    assert up == [(outputs, inputs) for inputs, outputs in down[::-1]]
