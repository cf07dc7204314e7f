"""Links of pages to files of the repository that are no pages of the site.

MkDocs knows the folder of pages alone. The site takes such files along, so that it is complete without a network.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FOLDER = "repository"
"""Of the site, that they lie in."""
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)((?:#[^)\s]*)?)(?=\))")
_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.M | re.S)


def place_of(path: str) -> str:
    """Where the site has a file of the repository; Markdown as plain text, since it is no page there."""
    return f"{_FOLDER}/{path}" + (".txt" if path.endswith(".md") else "")


def linked_files(place: str, markdown: str) -> set[str]:
    """The files outside docs/ that a page links to, by their paths in the repository.

    Args:
        place: the page's own path there.
        markdown: its text.
    """
    targets = (_in_repository(place, match[1]) for match in _LINK.finditer(_CODE.sub("", markdown)))
    return {target for target in targets if target is not None and not target.startswith("docs/")}


def retarget(markdown: str, place: str, uri: str, pages: Mapping[str, str]) -> str:
    """The page with links that lead from where the site has it.

    Args:
        markdown: the page's text.
        place: its path in the repository.
        uri: its path in the site's sources.
        pages: of files outside docs/ that are pages of the site, their paths there.
    """

    def replace(match: re.Match[str]) -> str:
        target = _in_repository(place, match[1])
        if target is None:
            return match[0]
        is_page = target.startswith("docs/")
        there = target.removeprefix("docs/") if is_page else pages.get(target) or place_of(target)
        return posixpath.relpath(there, posixpath.dirname(uri) or ".") + match[2]

    return _LINK.sub(replace, markdown)


def _in_repository(place: str, target: str) -> str | None:
    """The path of a file that a link means; None where it means none, which MkDocs then judges."""
    if ":" in target or target.startswith("/"):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
    return path if (ROOT / path).is_file() else None
