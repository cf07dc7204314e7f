"""Tensors of a checkpoint become float32 arrays, however they are stored; without torch."""

import numpy as np
import pytest
from torch_files import Call, Global, Stored, bfloat16, legacy_file, zip_file

FIRST = "g_a.down.0.weight"


@pytest.mark.parametrize(
    ("store", "value"),
    [
        (lambda a: a.astype(np.float16), lambda a: a.astype(np.float16)),
        (bfloat16, lambda a: (bfloat16(a).astype(np.uint32) << 16).view(np.float32)),
        (lambda a: a.astype(np.float64), lambda a: a),
    ],
)
def test_other_floats_become_float32(read, same, arrays, store, value):
    params, _ = read({name: store(array) for name, array in arrays.items()})
    same(params, value)
    assert params["analysis"]["down_0"]["kernel"].dtype == np.float32


@pytest.mark.parametrize("write", [zip_file, legacy_file])
def test_views_of_one_storage_and_transposed_strides(read, same, arrays, write):
    """All weights in one row of numbers, each with its last axis first."""
    offsets, rows, views = 0, [], {}
    for name, array in arrays.items():
        rows.append(np.moveaxis(array, -1, 0).ravel())
        strides = np.moveaxis(np.empty(np.moveaxis(array, -1, 0).shape, np.int8), 0, -1).strides
        views[name] = (offsets, array.shape, strides)
        offsets += array.size
    row = np.concatenate(rows)
    same(read({name: Stored(row, *view) for name, view in views.items()}, write=write)[0])


def test_numpy_arrays_in_place_of_tensors(read, same, arrays):
    reconstruct, dtype = (
        Global("numpy.core.multiarray", "_reconstruct"),
        Call(Global("numpy", "dtype"), ("f4", False, True), (3, "<")),
    )

    def pickled(array):
        begun = (Global("numpy", "ndarray"), (0,), b"b")
        return Call(reconstruct, begun, (1, array.shape, dtype, False, array.tobytes()))

    same(read({name: pickled(array) for name, array in arrays.items()})[0])


def changed(arrays, value, name=FIRST):
    return {**arrays, name: value}


def test_shapes_are_compared_before_numbers_are_read(read, arrays):
    """A view that would take terabytes is refused by its shape."""
    with pytest.raises(ValueError, match=r"has shape \(1099511627776, 4\)"):
        read(changed(arrays, Stored(np.zeros(4, np.float32), 0, (1 << 40, 4), (0, 1))))


@pytest.mark.parametrize(
    "view", [(1, (4, 3, 5, 5), (75, 25, 5, 1)), (0, (4, 3, 5, 5), (75, 25, 5, 2)), (0, (4, 3, 5, 5), (-1, 25, 5, 1))]
)
def test_a_view_beyond_its_storage_is_damage(read, arrays, view):
    with pytest.raises(ValueError, match=r"g_a\.down\.0\.weight lies outside of its storage of 300 numbers"):
        read(changed(arrays, Stored(np.zeros(300, np.float32), *view)))
