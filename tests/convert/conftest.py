import json

import numpy as np
import pytest
from torch_files import zip_file

from cca_jax.convert.checkpoint import read_checkpoint
from cca_jax.convert.names import torch_from_params
from cca_jax.model.parameters.shapes import flatten


@pytest.fixture(scope="session")
def arrays(micro, micro_params):
    """The micro model's state dict, the auxiliary model's part included."""
    return {name: np.array(array) for name, array in torch_from_params(micro_params, micro).items()}


@pytest.fixture
def preset(micro, tmp_path):
    path = tmp_path / "micro.json"
    path.write_text(json.dumps(micro.to_dict()))
    return str(path)


@pytest.fixture
def read(micro, tmp_path):
    """Reads a checkpoint of that content; the parameters and what is said of other weights."""

    def call(content, key=None, write=zip_file, **options):
        (tmp_path / "c.pth.tar").write_bytes(content if isinstance(content, bytes) else write(content))
        return read_checkpoint(tmp_path / "c.pth.tar", micro, key, **options)

    return call


@pytest.fixture
def same(micro_params):
    """Compares parameters with the micro model's, converted."""

    def check(params, convert=lambda array: array):
        found, expected = flatten(params), flatten(micro_params)
        assert found.keys() == expected.keys()
        for name, array in found.items():
            np.testing.assert_array_equal(array, convert(np.asarray(expected[name])), err_msg=name)

    return check
