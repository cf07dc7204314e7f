"""The Python of pages and docstrings runs as it is printed."""

import doctest
import importlib

import numpy as np
import pytest
from project_texts import PACKAGES, ROOT, identify, pages, python_blocks, sources

from cca_jax.config import PRESETS

# The recipes of docs/research have a test of their own.
_WITH_BLOCKS = [page for page in pages() if python_blocks(page) and page.parent.name != "research"]
_WITH_EXAMPLES = [source for source in sources() if ">>> " in source.read_text()]


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("page", _WITH_BLOCKS, ids=identify)
def test_python_of_pages_runs(page, tmp_path, monkeypatch, micro):
    """A page's blocks run in turn, as one program; `image` is the reader's own picture, "tiny" smaller still."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PRESETS, "tiny", micro)
    gradient = np.mgrid[0:64, 0:96].sum(axis=0)
    names = {"image": np.repeat(gradient[..., None], 3, axis=-1).astype(np.uint8)}
    for number, block in enumerate(python_blocks(page)):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)


@pytest.mark.parametrize("source", _WITH_EXAMPLES, ids=identify)
def test_examples_of_docstrings_hold(source):
    parts = source.relative_to(ROOT).with_suffix("").parts
    module = importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    results = doctest.testmod(module)
    assert results.attempted
    assert not results.failed


def test_pages_and_docstrings_have_examples():
    assert ROOT / "README.md" in _WITH_BLOCKS
    assert {source.relative_to(ROOT).parts[0] for source in _WITH_EXAMPLES} <= set(PACKAGES)
    assert len(_WITH_EXAMPLES) >= 5
