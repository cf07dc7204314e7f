"""`provenance.json`: read whole or refused, and true of the weights that ship."""

import json
import shlex

import pytest

from cca_jax.bundles.provenance import PROVENANCE, Provenance, read_provenance
from cca_jax.bundles.registry import list_models
from train.recipe.options import parser

RUN = {
    "steps": 10,
    "batch_size": 4,
    "patch_size": 64,
    "learning_rate": 1e-3,
    "cca": "off",
    "command": None,
    "seed": None,
    "note": "",
}
WHOLE = {
    "format": 1,
    "identity": "00",
    "parent": None,
    "data": [{"name": "D", "images": 3, "terms": "free"}],
    "held_out": 1,
    "runs": [RUN, {**RUN, "steps": 5, "batch_size": 8}],
    "hours": 0.5,
    "device": "a core",
    "selection": "",
}


def read(folder, content):
    (folder / PROVENANCE).write_text(content if isinstance(content, str) else json.dumps(content))
    return read_provenance(folder)


def test_what_is_read_is_what_was_written(tmp_path):
    provenance = read(tmp_path, WHOLE)
    assert isinstance(provenance, Provenance)
    assert (provenance.steps, provenance.crops, provenance.data[0].name) == (15, 80, "D")
    assert json.loads(json.dumps(provenance.to_dict())) == WHOLE


def test_a_folder_may_have_none(tmp_path):
    assert read_provenance(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be used"),
        ("[]", "its format is not 1"),
        ({**WHOLE, "format": 2}, "its format is not 1"),
        ({k: v for k, v in WHOLE.items() if k != "hours"}, "hours"),
        ({**WHOLE, "days": 1}, "days"),
        ({**WHOLE, "runs": [{**RUN, "step": 1}]}, "Run lacks, or has beside its own: step"),
        ({**WHOLE, "data": ["D"]}, "DataSet"),
        ({**WHOLE, "runs": None}, "cannot be used"),
    ],
)
def test_others_are_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content)


@pytest.fixture(params=["lite", "starter"])
def shipped(request):
    return next(model for model in list_models() if model.name == request.param)


def test_shipped_weights_state_theirs(shipped):
    provenance = read_provenance(shipped.path)
    assert provenance is not None
    assert provenance.identity == shipped.identity.hex()
    assert provenance.runs
    assert all(data.images > 0 and data.terms for data in provenance.data)


def test_commands_and_fields_of_shipped_runs_agree(shipped):
    for run in read_provenance(shipped.path).runs:
        if run.command is not None:
            options = parser().parse_args(shlex.split(run.command)[3:])
            assert (options.batch_size, options.learning_rate) == (run.batch_size, run.learning_rate)
            assert (options.cca, options.seed) == (run.cca, run.seed)
            assert options.steps >= run.steps
