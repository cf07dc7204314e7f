"""Each page, and each text of the project."""

import pytest
from project_texts import identify, pages, prose_of, sources


@pytest.fixture(params=pages(), ids=identify)
def page(request):
    return request.param


@pytest.fixture(params=[*pages(), *sources()], ids=identify)
def text(request):
    """The prose of a page or of a module, with its path."""
    path = request.param
    return path, path.read_text() if path.suffix == ".md" else prose_of(path)
