"""Standard input and output, pipes, and names of any bytes."""

import io
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cca_jax.bitstream import container
from cca_jax.image_io.images import read_image


@pytest.fixture
def feed(monkeypatch):
    """Puts bytes on standard input."""

    def put(data):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))

    return put


@pytest.fixture
def catch(monkeypatch):
    """Catches standard output as bytes, from a call on: pytest puts its own in place before a test begins."""

    def start():
        buffer = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, write_through=True))
        return buffer

    return start


@pytest.mark.parametrize("named", [(), ("-o", "-")])
def test_an_image_through_pipes(run, photo, feed, catch, named):
    output = catch()
    feed(Path(photo()).read_bytes())
    status, _, err = run("compress", "-", *named)
    assert status == 0
    file = container.read(output.getvalue())
    assert (file.width, file.height) == (20, 12)
    assert "bytes" in err  # standard output holds the file and nothing else
    feed(output.getvalue())
    output = catch()
    status, _, err = run("decompress", "-")
    assert status == 0
    assert err == "-  20×12\n"
    image = Image.open(io.BytesIO(output.getvalue()))
    assert (image.format, image.size) == ("PNG", (20, 12))


def test_standard_input_into_a_file_or_a_folder(run, photo, feed, tmp_path):
    data = Path(photo()).read_bytes()
    feed(data)
    assert run("compress", "-", "-o", tmp_path / "x.cca")[0] == 0
    (tmp_path / "out").mkdir()
    feed(data)
    assert run("compress", "-", "-o", tmp_path / "out")[0] == 0
    assert os.listdir(tmp_path / "out") == ["stdin.cca"]
    assert (tmp_path / "out" / "stdin.cca").read_bytes() == (tmp_path / "x.cca").read_bytes()


def test_a_file_to_standard_output(run, photo, catch, tmp_path):
    output = catch()
    assert run("compress", photo(), "-o", "-")[0] == 0
    assert container.read(output.getvalue()).width == 20
    assert os.listdir(tmp_path) == ["photo.png"]


def test_info_of_standard_input(run, photo, feed, tmp_path):
    run("compress", photo())
    feed((tmp_path / "photo.cca").read_bytes())
    status, out, _ = run("info", "-")
    assert status == 0
    assert "standard input" in out
    assert "20×12" in out


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "standard input: the file is empty: give an image"),
        (b"some text", "standard input: is not an image of a known format"),
    ],
)
def test_bad_input_leaves_nothing(run, feed, catch, data, message):
    output = catch()
    feed(data)
    status, _, err = run("compress", "-")
    assert status == 2
    assert message in err
    assert err.count("\n") == 1
    assert output.getvalue() == b""


def test_what_never_ends_is_not_read_to_its_end(run, monkeypatch):
    class Endless:
        def read(self, count=None):
            assert count is not None, "all of it was asked for"
            return bytes(count)

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Endless()))
    status, _, err = run("compress", "-", "-o", "x.cca")
    assert status == 2
    assert "not an image" in err


def test_one_stream_is_one_file(run, photo, tmp_path):
    for arguments in (("-", photo()), (tmp_path, "-o", "-"), (photo("a.png"), photo("b.png"), "-o", "-")):
        status, _, err = run("compress", *arguments)
        assert status == 2
        assert "is one file" in err


def test_no_file_is_written_to_a_terminal(run, photo, monkeypatch):
    path = photo()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True, flush=lambda: None))
    status, _, err = run("compress", path, "-o", "-")
    assert status == 2
    assert "is a terminal" in err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="takes named pipes")
def test_named_pipes(run, photo, tmp_path):
    data = Path(photo()).read_bytes()
    source, target = tmp_path / "in", tmp_path / "out"
    os.mkfifo(source)
    os.mkfifo(target)
    status, _, err = run("compress", source)
    assert status == 2
    assert "name an output with -o" in err
    received = []
    threads = [
        threading.Thread(target=source.write_bytes, args=(data,)),
        threading.Thread(target=lambda: received.append(target.read_bytes())),
    ]
    for thread in threads:
        thread.start()
    status, _, _ = run("compress", source, "-o", target)
    for thread in threads:
        thread.join(10)
    assert status == 0
    assert container.read(received[0]).height == 12


def test_a_file_named_like_the_stream(run, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.rename(photo(), "-")
    assert run("compress", "./-", "-o", "x.cca")[0] == 0
    assert os.path.exists("x.cca")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_of_any_bytes(run, photo, tmp_path):
    odd = os.fsdecode(b"gr\xfc\xdfe \xff")
    os.rename(photo(), tmp_path / f"{odd}.png")
    status, out, err = run("compress", tmp_path / f"{odd}.png")
    assert (status, err) == (0, "")
    assert out.endswith("bpp\n")
    status, _, _ = run("decompress", tmp_path / f"{odd}.cca", "-o", tmp_path / f"{odd} too.png")
    assert status == 0
    assert read_image(tmp_path / f"{odd} too.png").pixels.shape == (12, 20, 3)
    os.mkdir(tmp_path / odd)
    status, _, _ = run("compress", tmp_path, "-o", tmp_path / odd)
    assert status == 0
    assert sorted(name for name in os.listdir(tmp_path / odd) if name.endswith(".cca")) == sorted(
        [f"{odd}.cca", f"{odd} too.cca"]
    )


@pytest.mark.parametrize("options", [(), ("--recursive",)])
def test_a_folders_images_of_any_name(run, photo, tmp_path, options):
    data = Path(photo("in/first.jfif.png")).read_bytes()
    for name in ("a.PNG", "b.jpeg_large", "c", "d.apng", ".hidden.png"):
        (tmp_path / "in" / name).write_bytes(data)
    for name in ("notes.txt", "list", "e.mov", "f.xmp", "old.cca"):
        (tmp_path / "in" / name).write_bytes(b"something else")
    status, out, err = run("compress", tmp_path / "in", "-o", tmp_path / "out", *options)
    assert status == 0
    assert {line.split()[0] for line in out.splitlines()} == {"a.cca", "b.cca", "c.cca", "d.cca", "first.jfif.cca"}
    assert err.startswith("cca-jax: passed over 4 files that are no image: ")
    assert err.count("\n") == 1


def test_high_dynamic_range_on_request(run, tmp_path, feed):
    import imagecodecs

    samples = np.linspace(0, 1023, 64 * 64).reshape(64, 64, 1).repeat(3, axis=2).astype(np.uint16)
    path = tmp_path / "hdr.avif"
    path.write_bytes(imagecodecs.avif_encode(samples, level=90, bitspersample=10, primaries=9, transfer=16))
    status, _, err = run("compress", path)
    assert status == 2
    assert "--tone-map" in err
    assert err.count("\n") == 1
    status, _, err = run("compress", path, "--tone-map")
    assert status == 0
    assert "was fitted to the range of sRGB" in err
