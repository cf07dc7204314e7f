"""No text tells people to install this project by name: nobody published a package of that name for it."""

import re

import pytest
from project_texts import PACKAGES, ROOT

from cca_jax import install_hint
from cca_jax.cli.main import build_parser

_BY_NAME = re.compile(r"pip3?\s+install\s+(-\S+\s+)*[\"']?cca[_-]jax|\bcca[_-]jax\[")
_FILES = [ROOT / "README.md", ROOT / "Makefile", ROOT / "pyproject.toml", *ROOT.glob("docs/**/*.md")]
_FILES += [path for package in PACKAGES for path in ROOT.glob(f"{package}/**/*") if path.suffix in (".py", ".md")]


@pytest.mark.parametrize("path", _FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_installs_the_project_by_name(path):
    # Strings that the source breaks over lines are joined first.
    text = re.sub(r'"\s*\n\s*f?"', "", path.read_text())
    assert not _BY_NAME.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install cca_jax",
        "pip install --upgrade cca-jax",
        "pip install 'cca_jax[torch]'",
        "cca_jax[train]",
    ],
)
def test_such_texts_would_be_found(text):
    assert _BY_NAME.search(text)


def test_the_hint_installs_from_a_checkout():
    assert install_hint("torch") == "from a checkout of the project: pip install '.[torch]'"


def test_messages_use_the_hint(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["convert", "--help"])
    assert "'.[torch]'" in capsys.readouterr().out
