"""The documentation site, built once: whole, strict about links, and complete without a network."""

import re
import subprocess
import sys

import pytest
from project_texts import ROOT, sources

import cca_jax

pytest.importorskip("material")
pytest.importorskip("mkdocstrings")

_FOREIGN = re.compile(r"<(?:script|img|iframe|source|video)\b[^>]*\bsrc=\"?(?:https?:)?//", re.I)
_FOREIGN_LINK = re.compile(r"<link\b(?![^>]*rel=\"?canonical)[^>]*href=\"?(?:https?:)?//", re.I)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site; its build fails on a broken link, a page outside the navigation, or a missing name."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def _pages(site):
    return sorted(path for path in site.rglob("*.html") if path.name != "404.html")


def test_every_page_of_docs_is_a_page_of_the_site(site):
    paths = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    written = {re.sub(r"(README)?\.md$", lambda end: "index.html" if end[1] else ".html", path) for path in paths}
    assert written <= {str(path.relative_to(site)) for path in _pages(site)}


def test_nothing_is_loaded_from_other_hosts(site):
    for page in _pages(site):
        text = page.read_text()
        assert not _FOREIGN.search(text), page
        assert not _FOREIGN_LINK.search(text), page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()[\"'\s]*(?:https?:)?//", sheet.read_text()), sheet


@pytest.mark.parametrize(
    ("text", "is_foreign"),
    [
        ('<script async src="https://host/x.js">', True),
        ('<img alt="a" src="//host/x.png">', True),
        ('<link rel="stylesheet" href="https://host/x.css">', True),
        ('<script src="../x.js">', False),
        ('<a href="https://host/">', False),
    ],
)
def test_foreign_assets_would_be_seen(text, is_foreign):
    assert bool(_FOREIGN.search(text) or _FOREIGN_LINK.search(text)) == is_foreign


def test_every_name_of_the_package_is_explained(site):
    reference = "".join(page.read_text() for page in (site / "reference").glob("*.html"))
    homes = {name: getattr(getattr(cca_jax, name), "__module__", "cca_jax.config.presets") for name in cca_jax.__all__}
    for name, home in homes.items():
        if name != "convert":
            assert f'id="{home}.{name}"' in reference, name


def test_the_command_line_s_pages_have_every_program_and_option(site):
    pages = {page.stem: page.read_text() for page in (site / "commands").glob("*.html")}
    assert set(pages) == {"cca-jax", "train", "eval", "bench"}
    for command in ("compress", "decompress", "info", "models", "convert"):
        assert f"cca-jax {command}" in pages["cca-jax"]
    for path in sources():
        for program in re.findall(r'prog="(python -m (train|eval|bench)[\w.]*)"', path.read_text()):
            named = program[0] in pages[program[1]]
            assert named or program[0] in ("python -m eval.portability.probe", "python -m bench.training"), program
    assert "--rate-weight" in pages["train"]
    assert "larger means fewer bits" in pages["train"]


def test_a_broken_link_fails_the_build(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# A\n\n[one](other.md) [two](#none)\n")
    validation = re.search(r"^validation:\n(?: .*\n)+", (ROOT / "mkdocs.yml").read_text(), re.M)[0]
    (tmp_path / "mkdocs.yml").write_text(f"site_name: a\nstrict: true\n{validation}")
    build = [sys.executable, "-m", "mkdocs", "build"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "other.md" in done.stderr
    assert "#none" in done.stderr
