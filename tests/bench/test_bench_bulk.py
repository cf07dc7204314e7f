"""Another program over a folder, and what a folder's figures are made of."""

import sys

import pytest
from PIL import Image

from bench.bulk import each, folders
from bench.process.command import Usage


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (50, 40)).save(folder / name)
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def test_a_program_is_run_for_each_image(photos, tmp_path):
    (tmp_path / "out").mkdir()
    copy = (sys.executable, "-c", "import shutil, sys; shutil.copy(*sys.argv[1:])")
    assert each.main(str(photos), str(tmp_path / "out"), ".jxl", *copy) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jxl", "b.jxl"]


def test_a_program_that_fails_ends_it(photos, tmp_path, capsys):
    assert each.main(str(photos), str(tmp_path), ".jxl", sys.executable, "-c", "raise SystemExit(5)") == 5
    assert "status 5" in capsys.readouterr().err


def test_figures_are_of_all_images(photos, monkeypatch):
    """Commands that write a kilobyte in two seconds, for 4000 pixels."""

    def run_command(command, environment):
        del environment
        out = command[command.index("-o") + 1] if "-o" in command else command[3]
        with open(f"{out}/a.cca", "wb") as file:
            file.write(bytes(1000))
        return Usage(2.0, 3.0, 7)

    monkeypatch.setattr(folders, "run_command", run_command)
    monkeypatch.setattr(folders.shutil, "which", lambda name: None if name == "cjxl" else name)
    figures, missing = folders.time_folder(photos, "lite", None, 1)
    assert missing == ["cjxl"]
    assert list(figures) == [folders.SIDE_BY_SIDE, folders.IN_TURN, folders.RESTORE, "avifenc"]
    first = figures[folders.SIDE_BY_SIDE]
    assert (first.seconds.median, first.cpu_seconds, first.peak_bytes) == (2.0, 3.0, 7)
    assert (first.images_per_second, first.bits_per_pixel) == (1.0, 2.0)
    assert figures[folders.RESTORE].bits_per_pixel is None
    size = sum(path.stat().st_size for path in photos.glob("[ab].png"))
    assert first.megabytes_per_second == pytest.approx(size / 2e6)
