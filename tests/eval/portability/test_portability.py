"""The proof that files decode alike everywhere: it decodes for real, and it finds what differs."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle, load_bundle, save_bundle
from cca_jax.codec.codec import Codec
from cca_jax.entropy_coding.coders import get_coder
from cca_jax.image_io.images import read_image
from eval.portability import portability, probe

PICTURE = np.full((8, 8, 3), 100, np.uint8)


@pytest.fixture
def model(tmp_path, micro_lite, micro_lite_params):
    save_bundle(Bundle.build("micro", "", micro_lite, micro_lite_params, "float16"), tmp_path / "micro", "")
    return tmp_path / "micro"


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_symbols_pixels_and_decibels_are_compared():
    expected = {"a": ("1", PICTURE), "b": ("2", PICTURE)}
    actual = {"a": ("1", PICTURE + 1), "b": ("3", PICTURE - 2)}
    outcome = portability.compare(actual, expected, {"a": PICTURE - 10, "b": PICTURE - 10})
    assert (outcome.same, outcome.files, outcome.levels) == (1, 2, 2)
    assert outcome.loss == pytest.approx((20 * np.log10(11 / 10) + 20 * np.log10(8 / 10)) / 2, abs=1e-3)


@pytest.mark.parametrize(
    ("symbols", "levels", "narrow", "status"),
    [("1", 1, False, 0), ("1", 2, False, 1), ("1", 2, True, 0), ("2", 0, False, 1), ("2", 0, True, 1)],
)
def test_the_status_says_whether_all_agree(monkeypatch, model, photo, symbols, levels, narrow, status):
    first = portability.Variant("first", "python", ())
    other = portability.Variant("other", "python", ("--precision", "bfloat16") if narrow else ())

    def decode(variant, _model, files, _out):
        names = [path.stem for path in files.glob("*.cca")]
        same = variant is first
        picture = np.full((64, 64, 3), 100 if same else 100 + levels, np.uint8)
        return dict.fromkeys(names, ("1" if same else symbols, picture))

    monkeypatch.setattr(portability, "variants", lambda _: [first, other])
    monkeypatch.setattr(portability, "_decode", decode)
    assert portability.main([str(photo), "--model", str(model)]) == status


def test_an_interpreter_that_fails_is_named(model, photo, capsys, monkeypatch):
    monkeypatch.setattr(portability, "variants", lambda _: [portability.Variant("interpreter 2", "false", ())])
    assert portability.main([str(photo), "--model", str(model)]) == 2
    assert capsys.readouterr().err == "cca-jax: interpreter 2 could not decode: it said nothing\n"


def test_other_symbols_are_counted_not_raised(model, photo, tmp_path):
    """As where arithmetic differs: the probe itself tells it."""
    codec = Codec(load_bundle(model), get_coder("constriction"))
    file = codec.encode(read_image(photo).pixels, 50.0).container
    last = dataclasses.replace(file.streams[-1], symbol_check=file.streams[-1].symbol_check ^ 1)
    good, bad, out = (tmp_path / name for name in ("good", "bad", "out"))
    for folder, one in ((good, file), (bad, dataclasses.replace(file, streams=(*file.streams[:-1], last)))):
        folder.mkdir()
        (folder / "a.cca").write_bytes(container.write(one))
    out.mkdir()
    pictures = []
    for folder in (good, bad):
        assert probe.main([str(folder), "--out", str(out), "--model", str(model)]) == 0
        with np.load(out / "a.npz") as arrays:
            pictures.append(arrays["pixels"])
    assert pictures[0].any()
    assert not pictures[1].any()


@pytest.mark.slow
def test_a_real_file_in_real_processes(model, photo, capsys):
    assert portability.main([str(photo), "--model", str(model)]) == 0
    assert "all agree" in capsys.readouterr().out
