"""The list of conventional codecs, and what is said of those that are missing."""

import sys

import pytest
from PIL import features

from eval.codecs.registry import CODECS, available_codecs, make_codec, unavailable_reason


@pytest.mark.parametrize("function", [make_codec, unavailable_reason, lambda name: available_codecs([name])])
def test_an_unknown_name_is_answered_with_the_known_ones(function):
    with pytest.raises(ValueError, match=r"unknown codec 'jpg': choose from jpeg, webp, avif, heic, jxl, bpg, vtm$"):
        function("jpg")


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [("heic", "pillow_heif", "pillow-heif"), ("jxl", "pillow_jxl", "pillow-jxl-plugin")],
)
def test_a_missing_package_is_named(monkeypatch, name, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    assert unavailable_reason(name) == f"needs the package {package}: python -m pip install {package}"
    assert available_codecs([name]) == []


@pytest.mark.parametrize("name", ["webp", "avif"])
def test_a_pillow_without_the_format_is_named(monkeypatch, name):
    monkeypatch.setattr(features, "check", lambda feature: False)
    assert "was built without" in unavailable_reason(name)


def test_names_and_settings_are_distinct():
    codecs = available_codecs(CODECS)
    assert codecs[0].name == "JPEG"
    assert len({codec.name for codec in codecs}) == len(codecs)
    for codec in codecs:
        places = [codec.all_settings.index(setting) for setting in codec.settings]
        assert places == sorted(set(places))
        assert codec.kind == "conventional"
        assert "thread" in codec.version
