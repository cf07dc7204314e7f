"""What other projects do not promise is known in one file each."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("words", "home"),
    [
        (r"jax\._src|serialize_executable|get_file_cache|/jax/compilation_cache", "compile_cache/private_jax.py"),
        (r"\bctypes\b|\bTFE?_[A-Z]", "entropy_coding/tensorflow/library.py"),
    ],
)
def test_private_interfaces_have_one_home(words, home):
    package = ROOT / "cca_jax"
    actual = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(words, re.sub(r"TF_CPP_MIN_LOG_LEVEL", "", path.read_text()))
    }
    assert actual == {home}
