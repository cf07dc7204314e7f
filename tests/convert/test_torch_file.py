"""Hostile and damaged files: nothing of them runs, none takes the machine, each is one line."""

import io
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from torch_files import Call, Global, legacy_file, zip_file

from cca_jax.convert.torch_file import open_checkpoint

CONTENT = {"state_dict": {"g_a.x": np.arange(6, dtype=np.float32).reshape(2, 3)}}


@pytest.fixture
def opened(tmp_path):
    def call(data):
        (tmp_path / "c.pth").write_bytes(data)
        with open_checkpoint(tmp_path / "c.pth") as content:
            return content["state_dict"]["g_a.x"].read("x")

    return call


@pytest.mark.parametrize("write", [zip_file, legacy_file])
def test_numbers_come_back(opened, write):
    np.testing.assert_array_equal(opened(write(CONTENT)), CONTENT["state_dict"]["g_a.x"])


@pytest.mark.parametrize(
    "function", [("os", "system"), ("builtins", "eval"), ("builtins", "bytearray"), ("numpy", "ndarray")]
)
@pytest.mark.parametrize("write", [zip_file, legacy_file])
def test_nothing_of_a_file_is_run(opened, write, function, tmp_path):
    argument = 1 << 45 if function[1] in ("bytearray", "ndarray") else f"open({str(tmp_path / 'ran')!r}, 'w')"
    content = {"bomb": Call(Global(*function), (argument,)), **CONTENT}
    np.testing.assert_array_equal(opened(write(content)), CONTENT["state_dict"]["g_a.x"])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("write", [zip_file, legacy_file])
def test_a_file_cut_anywhere_is_refused(opened, write):
    data = write(CONTENT)
    for length in range(0, len(data), 7):
        with pytest.raises(ValueError, match=r"c\.pth: is not a PyTorch checkpoint \("):
            opened(data[:length])


def test_a_changed_number_is_found(opened):
    data = zip_file(CONTENT)
    with pytest.raises(ValueError, match="storage 0 is damaged"):
        opened(data.replace(CONTENT["state_dict"]["g_a.x"].tobytes(), bytes(24)))


def zipped(*entries, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


HOSTILE = {
    "empty": b"",
    "text": b"hello",
    "pickle": pickle.dumps({"state_dict": {}}),
    "other zip": zipped(("a.txt", "hello")),
    "compressed": zipped(("c/data.pkl", b"\0" * 1000), compression=zipfile.ZIP_DEFLATED),
    "program": zip_file(CONTENT, **{"constants.pkl": ""}),
    "big endian": zipped(("c/data.pkl", pickle.dumps({})), ("c/byteorder", b"big")),
    "no storage": zip_file(CONTENT).replace(b"c/data/0", b"c/data/9"),
    "no pickle": zip_file(CONTENT, b"\xff\xff"),
    "memo": zip_file(CONTENT, b"\x80\x02}r\xff\xff\xff\x7f."),  # asks for a memo of 2**31 objects
    "extension": zip_file(CONTENT, b"\x80\x02\x82\x01."),
    "long string": zip_file(CONTENT, b"\x80\x04\x8d" + b"\xff" * 7 + b"\x00."),
    "nested": zip_file(CONTENT, b"\x80\x02})" + b"\x85" * 2_000_000 + b"Ns."),  # its hash would overflow the stack
    "nested by memo": zip_file(CONTENT, b"\x80\x02})" + b"\x85q\x00h\x00\x86" * 300 + b"Ns."),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_checkpoint_is_refused(opened, kind):
    with pytest.raises(ValueError, match=r"c\.pth: is not a PyTorch checkpoint \(.+\): give a"):
        opened(HOSTILE[kind])


def test_a_container_in_itself_ends(tmp_path):
    from cca_jax.convert.weights import choose_weights

    (tmp_path / "c.pth").write_bytes(zip_file({}, b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s."))  # a = {"a": a}
    with open_checkpoint(tmp_path / "c.pth") as content, pytest.raises(ValueError, match="holds no weights"):
        choose_weights(content, lambda name: True)


def test_torch_is_not_imported(tmp_path):
    (tmp_path / "c.pth").write_bytes(zip_file(CONTENT))
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from cca_jax.convert.torch_file import open_checkpoint\n"
        f"with open_checkpoint({str(tmp_path / 'c.pth')!r}) as content: content['state_dict']['g_a.x'].read('x')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
