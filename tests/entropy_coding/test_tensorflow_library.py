import os

import numpy as np
import pytest

from cca_jax.entropy_coding import coders
from cca_jax.entropy_coding.tensorflow import library as tensorflow_library
from cca_jax.entropy_coding.tensorflow.start import start


@pytest.fixture
def library():
    if not coders.is_available("tensorflow"):
        pytest.skip("the extra [tensorflow] is not installed")
    return start()


@pytest.mark.parametrize("values", [7, [], [[1, -2, 3], [2**31 - 1, -(2**31), 0]]])
def test_integers_are_kept(library, values):
    assert library.integers(values).memory() == np.array(values, np.int32).tobytes()


@pytest.mark.parametrize("length", [0, 1, 22, 23, 24, 1000])  # up to 22 bytes lie in the string itself
def test_strings_are_kept(library, length):
    data = os.urandom(length)
    assert library.string(data).string() == data


def test_operations_that_are_not_there_or_get_something_else_fail(library):
    with pytest.raises(tensorflow_library.TensorFlowError, match="NoSuchOperation"):
        library.execute("NoSuchOperation", [], 1)
    with pytest.raises(tensorflow_library.TensorFlowError, match="expected to be a int32 tensor"):
        library.execute("CreateRangeEncoder", [library.integers([]), library.string(b"tables")], 1)
    assert library.integers([5]).memory()  # and it goes on


def test_a_missing_package_is_named():
    with pytest.raises(OSError, match="there is no package no_such_operations"):
        tensorflow_library.package_folder("no_such_operations")
