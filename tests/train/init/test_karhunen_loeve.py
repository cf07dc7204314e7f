"""The transform of a Markov field."""

import numpy as np
import pytest

from train.init.karhunen_loeve import karhunen_loeve

WIDTHS = (8, 20, 24, 40)


def test_axes_are_orthonormal_and_the_first_is_the_average():
    for axes, width in zip(karhunen_loeve(WIDTHS).axes, WIDTHS, strict=True):
        matrix = axes.reshape(-1, axes.shape[-1])
        assert matrix.shape[1] == min(width, len(matrix))
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(matrix.shape[1]), atol=1e-5)
        first = axes[:, :, 0, 0]
        np.testing.assert_allclose(first, first[0, 0], rtol=1e-4)


def test_deviations_are_those_of_a_markov_field():
    """Drawn by its own recursion, once along rows and once along columns; and all of it, where no stage is narrow."""
    generator = np.random.default_rng(0)
    field = generator.normal(size=(1024, 1024, 3)) @ np.linalg.cholesky(0.95 + 0.05 * np.eye(3)).T
    for axis in (0, 1):
        rows = np.moveaxis(field, axis, 0)
        for place in range(1, 1024):
            rows[place] = 0.95 * rows[place - 1] + (1 - 0.95**2) ** 0.5 * rows[place]
    for widths in (WIDTHS, (12, 48, 192, 768)):
        axes, deviations = karhunen_loeve(widths)
        x = field
        for stage in axes:
            side = len(x) // 2
            blocks = x.reshape(side, 2, side, 2, -1).transpose(0, 2, 1, 3, 4).reshape(side * side, -1)
            x = (blocks @ stage.reshape(-1, stage.shape[-1])).reshape(side, side, -1)
        np.testing.assert_allclose(np.sqrt(np.square(x).mean((0, 1))), deviations, rtol=0.15)
        assert (np.diff(deviations) <= 1e-9).all()
    assert np.square(deviations).sum() == pytest.approx(3 * 16**2)


def test_stages_that_do_not_lead_to_a_latent_position_are_refused():
    with pytest.raises(ValueError, match="3 stages do not lead to blocks of 16²"):
        karhunen_loeve((8, 8, 8))
