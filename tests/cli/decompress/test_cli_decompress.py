"""`cca-jax decompress`: the right model, the right place, figures against originals, and no original ever lost."""

import os
from pathlib import Path

import numpy as np
import pytest

from cca_jax.image_io.images import read_image


@pytest.fixture
def compressed(run, photo, tmp_path):
    """Makes .cca files in a folder of their own; returns their paths."""

    def make(*names, shape=(12, 20, 3)):
        paths = [photo(f"originals/{name}.png", shape) for name in names]
        assert run("compress", *paths, "-o", f"{tmp_path / 'files'}{os.sep}")[0] == 0
        return [tmp_path / "files" / f"{name}.cca" for name in names]

    return make


def test_the_image_comes_back_beside_the_file(run, compressed, photo):
    (file,) = compressed("a")
    status, out, err = run("decompress", file)
    assert (status, out, err) == (0, "a.png  20×12\n", "")
    original = read_image(photo("originals/a.png")).pixels
    np.testing.assert_array_equal(read_image(file.with_suffix(".png")).pixels, original & 0xF0 | 8)


def test_the_file_names_its_model_which_is_loaded_once(run, calls, compressed):
    files = compressed("a", "b")
    calls.clear()
    assert run("decompress", *files)[0] == 0
    assert calls == [("load", "/models/fake"), *[("decompress", "/models/fake", None)] * 2]


def test_options_reach_the_codec(run, calls, compressed, tmp_path):
    (file,) = compressed("a")
    calls.clear()
    assert run("decompress", file, "--model", "default", "--slices", 3, "-o", tmp_path / "x.webp")[0] == 0
    assert calls == [("load", "default"), ("decompress", "default", 3)]
    assert read_image(tmp_path / "x.webp").pixels.shape == (12, 20, 3)


def test_a_folder_of_files(run, compressed, tmp_path, visible):
    compressed("b", "a")
    status, out, _ = run("decompress", tmp_path / "files", "-o", tmp_path / "out")
    assert (status, out) == (0, "a.png  20×12\nb.png  20×12\n")
    assert visible(tmp_path / "out") == ["a.png", "b.png"]


def test_without_o_an_existing_image_is_left_alone(run, photo):
    path = photo()
    before = Path(path).read_bytes()
    run("compress", path)
    file = Path(path).with_suffix(".cca")
    status, out, err = run("decompress", file)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "--force" in err
    assert Path(path).read_bytes() == before
    assert run("decompress", file, "--force")[0] == 0
    assert Path(path).read_bytes() != before


def test_what_o_names_is_replaced(run, compressed, tmp_path):
    (file,) = compressed("a")
    (tmp_path / "x.png").write_bytes(b"old")
    assert run("decompress", file, "-o", tmp_path / "x.png")[0] == 0
    assert read_image(tmp_path / "x.png").pixels.shape == (12, 20, 3)


@pytest.mark.parametrize("output", ["x.gif", "x"])
def test_an_unknown_suffix_is_refused_before_any_work(run, calls, compressed, tmp_path, output):
    (file,) = compressed("a")
    calls.clear()
    status, _, err = run("decompress", file, "-o", tmp_path / output)
    assert status == 2
    assert ".png" in err
    assert calls == []


def test_figures_against_the_originals(run, compressed, tmp_path):
    files = compressed("a", "b", shape=(176, 176, 3))
    status, out, _ = run("decompress", *files, "-o", tmp_path / "out", "--reference", tmp_path / "originals")
    assert status == 0
    one, two, mean = out.splitlines()
    rate = 8 * files[0].stat().st_size / 176**2
    assert one.startswith(f"a.png  176×176  {rate:7.4f} bpp  PSNR 34.")
    assert two.split()[-2] == "MS-SSIM"
    assert mean.startswith("mean of 2 images ")


def test_figures_against_one_original_of_any_name(run, compressed, photo, tmp_path):
    (file,) = compressed("a")
    _, out, _ = run("decompress", file, "--reference", photo("other.png"))
    assert "PSNR 34." in out
    assert out.endswith("MS-SSIM n/a\n")


def test_an_original_is_not_overwritten_even_where_o_says_so(run, compressed, tmp_path):
    files = compressed("a", "b")
    before = (tmp_path / "originals" / "a.png").read_bytes()
    status, _, err = run("decompress", *files, "-o", tmp_path / "originals", "--reference", tmp_path / "originals")
    assert status == 2
    assert err.count("is the original") == 2
    assert (tmp_path / "originals" / "a.png").read_bytes() == before


def test_a_missing_or_unlike_original_fails_its_file_and_leaves_no_image(run, compressed, photo, tmp_path, visible):
    files = compressed("a", "b")
    photo("wrong/a.png", (5, 5, 3))
    status, out, err = run("decompress", *files, "--reference", tmp_path / "wrong", "-o", tmp_path / "out")
    assert (status, out) == (2, "")
    unlike, missing = err.splitlines()
    assert "differ in size" in unlike
    assert "no image named b" in missing
    assert visible(tmp_path / "out") == []


def test_one_original_for_several_files_is_refused(run, compressed, photo):
    status, _, err = run("decompress", *compressed("a", "b"), "--reference", photo())
    assert status == 2
    assert "must be a folder" in err


def bad_files(whole):
    yield b"", "empty"
    yield b"just text", "text"
    yield b"\x89PNG\r\n\x1a\n", "image"
    yield whole[:10], "cut header"
    yield whole[:-1], "cut stream"
    yield whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], "damaged"
    yield whole.replace(b"fakemodl", b"othermod"), "other model"


def test_bad_files_are_one_line_each_and_leave_nothing(run, compressed, tmp_path, visible):
    (good,) = compressed("good")
    names = []
    for number, (data, _) in enumerate(bad_files(good.read_bytes())):
        names.append(tmp_path / "bad" / f"{number}.cca")
        names[-1].parent.mkdir(exist_ok=True)
        names[-1].write_bytes(data)
    for path in names:
        status, out, err = run("decompress", path)
        assert (status, out) == (2, ""), path
        assert err.startswith(f"cca-jax: {path}: ")
        assert err.count("\n") == 1
    status, out, err = run("decompress", *names, good, "-o", tmp_path / "out")
    assert status == 2
    assert out.splitlines() == ["good.png  20×12"]
    assert len(err.splitlines()) == len(names)
    assert visible(tmp_path / "out") == ["good.png"]


def test_a_cut_file_is_restored_where_that_is_asked_for(run, calls, compressed, tmp_path):
    whole, cut, lost = compressed("whole", "cut", "lost")
    cut.write_bytes(cut.read_bytes()[:-1])
    lost.write_bytes(lost.read_bytes()[:60])
    status, out, err = run("decompress", cut)
    assert (status, out) == (2, "")
    assert "--partial" in err
    status, out, err = run("decompress", whole, cut, lost, "--partial", "-o", tmp_path / "out")
    assert status == 2
    assert out == "whole.png  20×12\ncut.png    20×12\n"
    warning, refused = err.splitlines()
    assert warning == f"cca-jax: {cut}: warning: it is cut short or damaged, 1 of 2 slices are whole"
    assert refused.startswith(f"cca-jax: {lost}: nothing of the picture is whole")
    assert sorted(path.name for path in tmp_path.glob("out/[!.]*")) == ["cut.png", "whole.png"]


def test_a_missing_file(run, tmp_path):
    status, _, err = run("decompress", tmp_path / "none.cca")
    assert (status, err) == (2, f"cca-jax: {tmp_path / 'none.cca'}: No such file or directory\n")
