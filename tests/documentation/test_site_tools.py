"""What the site is made with: links out of the folder of pages, and pages of parsers."""

import argparse
import sys

import pytest
from project_texts import ROOT

sys.path.append(str(ROOT / "docs" / "tools"))

import command_pages
import repository_links


@pytest.mark.parametrize(
    ("place", "uri", "link", "there"),
    [
        ("docs/coding/scale.md", "coding/scale.md", "images.md#boxes", "images.md#boxes"),
        ("docs/coding/scale.md", "coding/scale.md", "../file/format.md#boxes", "../file/format.md#boxes"),
        ("docs/coding/scale.md", "coding/scale.md", "../../eval/demo/README.md", "../models/photo.md"),
        ("docs/architecture.md", "architecture.md", "../pyproject.toml", "repository/pyproject.toml"),
        ("docs/coding/scale.md", "coding/scale.md", "../../README.md", "../repository/README.md.txt"),
        ("eval/demo/README.md", "models/photo.md", "kodim23.png", "../repository/eval/demo/kodim23.png"),
        ("eval/demo/README.md", "models/photo.md", "../../docs/file/format.md", "../file/format.md"),
        ("docs/coding/scale.md", "coding/scale.md", "none.md", "none.md"),
        ("docs/coding/scale.md", "coding/scale.md", "https://host/a.md", "https://host/a.md"),
        ("docs/coding/scale.md", "coding/scale.md", "#part", "#part"),
    ],
)
def test_links_lead_where_the_site_has_their_targets(place, uri, link, there):
    pages = {"eval/demo/README.md": "models/photo.md"}
    assert repository_links.retarget(f"[a]({link})", place, uri, pages) == f"[a]({there})"


def test_files_that_pages_link_to_are_found_but_not_those_in_code():
    text = "[a](../../pyproject.toml#x) [b](images.md) `[c](../../LICENSE)`\n```\n[d](../../Makefile)\n```\n"
    assert repository_links.linked_files("docs/coding/scale.md", text) == {"pyproject.toml"}


def test_a_page_of_a_parser_says_what_its_help_says():
    parser = argparse.ArgumentParser(prog="prog", description="What *it* does.", epilog="Table:\n\n  a  1\n  b  2")
    parser.add_argument("image", metavar="IMAGE", help="a photo")
    parser.add_argument("--quality", type=float, default=50, help="of 1 to 100 (default: %(default)s)")
    parser.add_argument("--secret", help=argparse.SUPPRESS)
    section = command_pages._section(parser)
    assert section.startswith("## prog\n\nWhat \\*it\\* does.\n\n```text\nprog [-h]")
    assert "`IMAGE`\n:   a photo" in section
    assert "`--quality QUALITY`\n:   of 1 to 100 (default: 50)" in section
    assert section.endswith("Table:\n\n```text\n  a  1\n  b  2\n```")
    assert "secret" not in section.partition("**")[2]


def test_every_family_has_programs():
    assert command_pages.programs("cca-jax") == ["cca-jax"]
    assert {"python -m train", "python -m train.export"} <= set(command_pages.programs("train"))
    assert "python -m eval.portability.probe" not in command_pages.programs("eval")
