"""The hooks of MkDocs: pages that are made of what the repository holds, and links to its files."""

from __future__ import annotations

from pathlib import Path

from command_pages import command_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from notebook_pages import notebook_pages, page_of
from repository_links import linked_files, place_of, retarget

ROOT = Path(__file__).parents[2]
PAGES_OF_FILES = {
    "cca_jax/bundles/weights/lite/README.md": "models/lite.md",
    "cca_jax/bundles/weights/starter/README.md": "models/starter.md",
    "eval/demo/README.md": "models/demo-photo.md",
}
PAGES_OF_FILES |= {f"examples/{path.name}": page_of(path.name) for path in (ROOT / "examples").glob("*.ipynb")}
"""Pages that lie beside what they describe, and notebooks, and where the site has them."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made, and the files of the repository that pages link to."""
    made = {page: (ROOT / source).read_text() for source, page in PAGES_OF_FILES.items() if source.endswith(".md")}
    made |= command_pages()
    for uri, content in notebook_pages(ROOT / "examples").items():
        files.append(File.generated(config, uri, content=content))
    for uri, content in made.items():
        files.append(File.generated(config, uri, content=content))
    linked = {
        path for file in files.documentation_pages() for path in linked_files(_place(file.src_uri), file.content_string)
    }
    for path in sorted(linked - PAGES_OF_FILES.keys()):
        files.append(File.generated(config, place_of(path), abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turns links to files of the repository into links to where the site has them."""
    uri = page.file.src_uri
    return retarget(markdown, _place(uri), uri, PAGES_OF_FILES)


def _place(uri: str) -> str:
    """The path in the repository of what a page was made of, from which its links lead."""
    sources = {page: source for source, page in PAGES_OF_FILES.items()}
    return uri if uri.startswith("examples/") else sources.get(uri, f"docs/{uri}")
