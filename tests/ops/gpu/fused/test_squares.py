import numpy as np
import pytest

from cca_jax.ops.gpu.fused.squares import Plane, Square
from cca_jax.ops.gpu.gated import TAPS


@pytest.mark.parametrize(("sides", "square"), [((128, 128), (8, 8)), ((24, 4), (8, 4)), ((6, 10), (2, 2))])
def test_squares_cover_a_plane_once(sides, square):
    plane = Plane(*sides)
    assert plane.square(8) == square
    places = [Square.number(index, plane, 8) for index in range(plane.squares(8))]
    covered = np.concatenate([place.rows * plane.width + place.columns for place in places])
    assert sorted(covered) == list(range(plane.positions))
    for place in places:
        assert np.ptp(place.rows) == square[0] - 1
        assert np.ptp(place.columns) == square[1] - 1


def test_taps_meet_the_neighbours_and_zeros_outside():
    plane = Plane(4, 8)
    x = 1.0 + np.arange(plane.positions * 2, dtype=np.float32).reshape(-1, 2)
    padded = np.pad(x.reshape(4, 8, 2), ((1, 1), (1, 1), (0, 0)))

    class Plain:
        """An array that is read as a kernel reads what it is given."""

        def __getitem__(self, index):
            rows, channels = index
            return x[np.asarray(rows), channels.start : channels.start + channels.size]

    for index in range(plane.squares(4)):
        square = Square.number(index, plane, 4)
        for row, column in TAPS:
            expected = padded[np.asarray(square.rows) + row, np.asarray(square.columns) + column, 1:]
            np.testing.assert_array_equal(square.tap(Plain(), (1, 1), (row, column)), expected)
