import json

import numpy as np
import pytest

from cca_jax.convert.names import torch_from_params


@pytest.fixture(scope="session")
def arrays(micro, micro_params):
    """The micro model's state dict, the auxiliary model's part included."""
    return {name: np.array(array) for name, array in torch_from_params(micro_params, micro).items()}


@pytest.fixture
def preset(micro, tmp_path):
    path = tmp_path / "micro.json"
    path.write_text(json.dumps(micro.to_dict()))
    return str(path)
