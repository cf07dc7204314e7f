"""The pages of the notebooks: their text, code and outputs as Markdown, and their pictures beside it."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter


def page_of(name: str) -> str:
    """Where the site has the page of a notebook in examples/."""
    return f"examples/{Path(name).stem}.md"


def notebook_pages(folder: Path) -> dict[str, str | bytes]:
    """The files of the site that the notebooks of a folder become, by their paths."""
    pages: dict[str, str | bytes] = {}
    for path in sorted(folder.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        text, resources = MarkdownExporter().from_notebook_node(notebook, {"unique_key": path.stem})
        # In HTML, because a link to the notebook in Markdown leads to this page.
        pages[page_of(path.name)] = f'{text}\n\n<a href="{path.name}" download>The notebook itself</a>\n'
        pages[f"examples/{path.name}"] = path.read_bytes()
        for name, content in (resources.get("outputs") or {}).items():
            pages[f"examples/{name}"] = content
    return pages
