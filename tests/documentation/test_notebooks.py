"""The committed notebooks: they were run from top to bottom, are small, and say nothing of the machine."""

import ast
import json
import re

import pytest
from project_texts import ROOT, identify, notebooks

_LARGEST = 300_000
_OF_A_MACHINE = re.compile(r"/(?:home|root|work|tmp|Users|var)/\w")


@pytest.fixture(params=notebooks(), ids=identify)
def notebook(request):
    return json.loads(request.param.read_text())


def _code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_there_are_two():
    assert [path.stem for path in notebooks()] == ["take_the_model_apart", "train_your_own"]


@pytest.mark.parametrize("path", notebooks(), ids=identify)
def test_files_are_small(path):
    assert path.stat().st_size <= _LARGEST


def test_every_cell_was_run_in_turn(notebook):
    cells = _code(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell["outputs"])


def test_outputs_have_no_error_no_warning_and_no_path_of_a_machine(notebook):
    for cell in _code(notebook):
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", output["text"]
            texts = [output.get("text", ""), *(v for k, v in output.get("data", {}).items() if k.startswith("text/"))]
            text = "".join(line for part in texts for line in part)
            assert not _OF_A_MACHINE.search(text), text


def test_code_parses_and_links_resolve(notebook):
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            ast.parse(text)
        else:
            for target in re.findall(r"\]\(([^)\s#]+)", text):
                assert ":" in target or (ROOT / "examples" / target).is_file(), target


@pytest.mark.parametrize(("text", "is_one"), [("/home/me/x", True), ("saved /tmp/a", True), ("a/b and 1/16", False)])
def test_paths_of_a_machine_are_seen(text, is_one):
    assert bool(_OF_A_MACHINE.search(text)) == is_one
