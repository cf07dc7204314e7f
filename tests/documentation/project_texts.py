"""The project's texts: its pages, its sources, and the commands and names that they mention."""

import ast
import io
import re
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("cca_jax", "train", "eval", "bench", "examples")


def pages():
    """Every Markdown page but the change log, which speaks of files as they were."""
    paths = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    for package in PACKAGES:
        paths += ROOT.glob(f"{package}/**/*.md")
    return sorted(paths)


def notebooks():
    return sorted((ROOT / "examples").glob("*.ipynb"))


def python_blocks(page):
    """The Python of a page: its fenced blocks, in their order."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)


def sources():
    return sorted(path for package in PACKAGES for path in ROOT.glob(f"{package}/**/*.py"))


def prose_of(source):
    """Docstrings and comments of a module, as one text."""
    text = source.read_text()
    strings = [
        node.value.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    comments = [
        token.string for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.COMMENT
    ]
    return "\n".join([*strings, *comments])


def commands_of(page):
    """The command lines of a page: those of code blocks, and those in backticks, which may run over a line's end."""
    text = page.read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += [line[4:] for line in text.splitlines() if line.startswith("    ")]
    inline = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    lines += [" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", inline)]
    for line in lines:
        for part in line.split(" # ")[0].split("&&"):
            if command := re.sub(r"\s(…|\.\.\.)(?=\s|$)", "", part).strip():
                yield command


def identify(path):
    return str(path.relative_to(ROOT))
