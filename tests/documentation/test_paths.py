"""What pages and docstrings name exists: files, modules and their members, and the targets of links."""

import ast
import re
from pathlib import Path

import pytest
from project_texts import PACKAGES, ROOT, prose_of, sources

_FOLDERS = "|".join((*PACKAGES, "tests", "docs"))
_PATH = re.compile(rf"(?<![\w/.\-~])(?:{_FOLDERS})/[\w./*\-]*")
_DOTTED = re.compile(rf"(?<![\w/.\-])(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+(?![\w/])")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def missing_paths(text):
    named = {path.rstrip("./") for path in _PATH.findall(text)}
    return sorted(path for path in named if not any(ROOT.glob(path)))


def members(module):
    """The names that a module's text defines at its top level, imports included."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def resolves(dotted):
    """Whether a dotted name is a package, a module, or a member of one (of which nothing further is asked)."""
    path = ROOT
    parts = dotted.split(".")
    for i, part in enumerate(parts):
        if (path / part).is_dir():
            path /= part
        elif (path / f"{part}.py").is_file():
            path /= f"{part}.py"
            return i == len(parts) - 1 or parts[i + 1] in members(path)
        else:
            return part in members(path / "__init__.py")
    return True


def missing_names(text):
    return sorted({name for name in _DOTTED.findall(text) if not resolves(name)})


def test_paths_exist(text):
    path, words = text
    assert not missing_paths(words), path


def test_dotted_names_resolve(text):
    path, words = text
    assert not missing_names(words), path


def test_relative_links_resolve(page):
    for target in _LINK.findall(page.read_text()):
        # The site makes the command line's pages; its build judges these links (test_site.py).
        if not re.match(r"[a-z]+:|#|(\.\./)*commands/", target):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_pictures_of_pages_exist(page):
    for target in re.findall(r"<img[^>]+src=\"([^\"]+)\"", page.read_text()):
        assert (page.parent / target).is_file(), target


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ("see `cca_jax/objective/loss.py` and cca_jax/bundles/weights/*/config.json.", []),
        ("see cca_jax/configuration.py, docs/none.md", ["cca_jax/configuration.py", "docs/none.md"]),
        ("https://host/train/x and RUN/eval/y", []),
    ],
)
def test_missing_paths_are_found(words, missing):
    assert missing_paths(words) == missing


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ("`cca_jax.load_model` and `cca_jax.codec.codec.Codec.compress`, python -m eval.demo", []),
        ("`cca_jax.compile` or cca_jax.codec.none", ["cca_jax.codec.none", "cca_jax.compile"]),
    ],
)
def test_missing_names_are_found(words, missing):
    assert missing_names(words) == missing


def test_prose_is_docstrings_and_comments(tmp_path):
    module = tmp_path / "module.py"
    module.write_text('"""One."""\nA = "no"\n"""Two."""\n\ndef f():\n    """Three."""  # four\n')
    prose = prose_of(module)
    assert [word for word in ("One", "no", "Two", "Three", "four") if word in prose] == ["One", "Two", "Three", "four"]
    assert all(isinstance(path, Path) for path in sources())
