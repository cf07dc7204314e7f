"""The recipes of docs/research run as they stand, page by page, on the smallest model of all."""

import re

import numpy as np
import pytest
from PIL import Image
from project_texts import ROOT, identify

import cca_jax

PAGES = sorted((ROOT / "docs" / "research").glob("*.md"))
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture
def reader(tmp_path, monkeypatch, micro):
    """A folder with a photo, and a "tiny" that is smaller still."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(cca_jax.PRESETS, "tiny", micro)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    Image.fromarray(pixels).resize((64, 62), Image.Resampling.BICUBIC).save("photo.png")


@pytest.mark.parametrize("page", PAGES, ids=identify)
@pytest.mark.usefixtures("reader")
def test_recipes_run(page):
    names = {"__name__": "recipe"}
    for block in _BLOCK.finditer(page.read_text()):
        first = page.read_text()[: block.start(1)].count("\n")
        exec(compile("\n" * first + block[1], str(page), "exec"), names)


def test_every_page_has_a_recipe_and_is_listed():
    index = PAGES[0].parent / "README.md"
    assert len(PAGES) > 4
    for page in PAGES:
        if page != index:
            assert _BLOCK.search(page.read_text()), page
            assert f"({page.name})" in index.read_text(), page


def test_the_library_exports_what_the_recipes_name():
    assert all(getattr(cca_jax, name) is not None for name in cca_jax.__all__)
