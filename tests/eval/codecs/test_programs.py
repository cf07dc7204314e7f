"""VTM and BPG, with stand-ins for their programs: the commands, the planes, and what happens when they fail."""

import stat
import sys

import numpy as np
import pytest

from eval.codecs.interface import CodecError
from eval.codecs.registry import available_codecs, make_codec, unavailable_reason
from eval.codecs.vtm import CONFIG_VARIABLE

# Lossless stand-ins that insist on what the real programs are given.
VTM_ENCODER = """
import sys, zlib
options = dict(word[2:].split("=", 1) for word in sys.argv[1:] if word.startswith("--"))
assert sys.argv[1] == "-c" and open(sys.argv[2]).read() == "intra"
assert options["InputBitDepth"] == "10" and options["InputChromaFormat"] == "444" and options["QP"] == "37"
planes = open(options["InputFile"], "rb").read()
assert len(planes) == 3 * 2 * int(options["SourceWidth"]) * int(options["SourceHeight"])
open(options["BitstreamFile"], "wb").write(zlib.compress(planes))
"""
VTM_DECODER = """
import sys, zlib
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert options["-d"] == "10"
open(options["-o"], "wb").write(zlib.decompress(open(options["-b"], "rb").read()))
"""
BPG_ENCODER = """
import shutil, sys
assert sys.argv[1:9] == "-q 32 -f 444 -b 8 -c ycbcr".split() and sys.argv[9] == "-o"
shutil.copy(sys.argv[11], sys.argv[10])
"""
BPG_DECODER = """
import shutil, sys
assert sys.argv[1] == "-o"
shutil.copy(sys.argv[3], sys.argv[2])
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The only folder on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    return tmp_path


def install(folder, **programs):
    for name, code in programs.items():
        file = folder / name
        file.write_text(f"#!{sys.executable} -IS\n{code}")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def test_vtm_there_and_back(folder, image):
    install(folder, EncoderAppStatic=VTM_ENCODER, DecoderAppStatic=VTM_DECODER)
    (folder / "cfg").mkdir()
    (folder / "cfg" / "encoder_intra_vtm.cfg").write_text("intra")
    codec = make_codec("vtm")
    assert codec.external
    assert codec.settings[0] > codec.settings[-1]  # from low rate to high
    encoded = codec.encode(image, 37)
    np.testing.assert_array_equal(codec.decode(encoded.data).pixels, image)


def test_vtm_takes_its_configuration_from_the_environment(folder, image, monkeypatch):
    install(folder, EncoderApp=VTM_ENCODER, DecoderApp=VTM_DECODER)
    assert "encoder_intra_vtm.cfg" in unavailable_reason("vtm")
    monkeypatch.setenv(CONFIG_VARIABLE, str(folder / "own.cfg"))
    assert "which is not a file" in unavailable_reason("vtm")
    (folder / "own.cfg").write_text("intra")
    assert make_codec("vtm").encode(image, 37).data
    before = make_codec("vtm").version
    (folder / "own.cfg").write_text("other")
    assert make_codec("vtm").version != before


def test_bpg_there_and_back(folder, image):
    install(folder, bpgenc=BPG_ENCODER, bpgdec=BPG_DECODER)
    codec = make_codec("bpg")
    np.testing.assert_array_equal(codec.decode(codec.encode(image, 32).data).pixels, image)


def test_a_program_that_fails_is_one_line(folder, image):
    install(folder, bpgenc="import sys; sys.exit('first\\nlast words')", bpgdec="")
    codec = make_codec("bpg")
    with pytest.raises(CodecError, match=r"^bpgenc: exit status 1: last words$"):
        codec.encode(image, 32)
    with pytest.raises(CodecError, match=r"^BPG: "):
        codec.decode(b"")
    (folder / "bpgenc").write_text("no program")
    with pytest.raises(CodecError, match=r"^bpgenc: Exec format error$"):
        codec.encode(image, 32)


def test_without_programs_they_are_left_out_with_a_reason():
    assert unavailable_reason("vtm") == "needs the program EncoderAppStatic or EncoderApp on the PATH"
    assert unavailable_reason("bpg") == "needs the program bpgenc on the PATH"
    assert [codec.name for codec in available_codecs(["vtm", "jpeg", "bpg", "JPEG"])] == ["JPEG"]
