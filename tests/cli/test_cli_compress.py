"""`cca-jax compress`: where files go, what is printed, and that one bad file stops nothing and leaves nothing."""

import os
import re
from pathlib import Path

import pytest
from PIL import Image

from cca_jax.codec import quality_search


def test_one_image_goes_beside_itself(run, calls, photo):
    status, out, err = run("compress", photo())
    file = Path(photo()).with_suffix(".cca")
    size = file.stat().st_size
    assert (status, err) == (0, "")
    assert out == f"photo.cca  {size:>9,} bytes  {8 * size / (12 * 20):7.4f} bpp\n"
    assert calls == [("load", "default"), ("compress", "default", None, 2, None, 0)]


def test_options_reach_the_codec(run, calls, photo, tmp_path):
    status, _, _ = run(
        "compress",
        photo(),
        "-o",
        tmp_path / "x.cca",
        "--model",
        "fake",
        "--quality",
        "2.5",
        "--coder",
        "tensorflow",
        "--tile",
        "512",
        "--effort",
        "3",
    )
    assert status == 0
    assert (tmp_path / "x.cca").exists()
    assert calls == [("load", "fake"), ("compress", "fake", 2.5, 1, 512, 3)]


def test_several_images_go_into_a_folder_that_is_made(run, calls, photo, tmp_path, visible):
    status, out, _ = run("compress", photo("b.png"), photo("a.webp"), "-o", tmp_path / "new" / "out")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["b.cca", "a.cca"]
    assert visible(tmp_path / "new" / "out") == ["a.cca", "b.cca"]
    assert calls.count(("load", "default")) == 1


def test_a_folder_is_expanded_and_its_output_is_a_folder(run, photo, tmp_path, visible):
    photo("in/only.png")
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    status, _, _ = run("compress", tmp_path / "in", "-o", tmp_path / "out")
    assert status == 0
    assert visible(tmp_path / "out") == ["only.cca"]


def test_an_existing_folder_takes_a_single_image_too(run, photo, tmp_path, visible):
    (tmp_path / "out").mkdir()
    run("compress", photo(), "-o", tmp_path / "out")
    assert visible(tmp_path / "out") == ["photo.cca"]


def test_an_existing_file_that_is_no_cca_file_is_kept(run, calls, photo, tmp_path):
    kept = Path(photo("kept.png"))
    before = kept.read_bytes()
    status, _, err = run("compress", photo(), "-o", kept)
    assert (status, err.count("\n")) == (2, 1)
    assert "kept.png: exists" in err
    assert kept.read_bytes() == before
    assert calls == []


def test_an_image_named_twice_is_compressed_once(run, photo, tmp_path):
    path = photo("in/a.png")
    status, out, _ = run("compress", path, tmp_path / "in", "-o", tmp_path / "out")
    assert status == 0
    assert len(out.splitlines()) == 1


def test_metrics_are_of_what_was_written(run, photo):
    _, out, _ = run("compress", photo("small.png"), photo("large.png", (176, 180, 3)), "--metrics")
    small, large, mean = out.splitlines()
    values = [float(re.search(r"PSNR +([\d.]+) dB", line).group(1)) for line in (small, large, mean)]
    # The fake drops 4 bits: the error is uniform on -8 .. 7, of mean square 21.5 on average.
    assert all(abs(value - 34.8) < 0.5 for value in values)
    assert abs(values[2] - (values[0] + values[1]) / 2) < 0.011
    assert small.endswith("MS-SSIM n/a")
    assert 0.9 < float(large.split()[-1]) < 1
    assert mean.startswith("mean of 2 images")
    assert mean.endswith("(MS-SSIM of 1)")
    rates = [float(re.search(r"([\d.]+) bpp", line).group(1)) for line in (small, large, mean)]
    assert abs(rates[2] - (rates[0] + rates[1]) / 2) < 1e-4


def test_no_mean_for_one_image(run, photo):
    assert len(run("compress", photo(), "--metrics")[1].splitlines()) == 1


def test_a_note_is_a_warning(run, photo):
    status, _, err = run("compress", photo("see.png", (4, 4, 4)), "--drop-alpha")
    assert status == 0
    assert re.fullmatch(r"cca-jax: .*see\.png: warning: transparency was composited on white\n", err)


@pytest.mark.parametrize("content", [b"", b"some text", b"\x89PNG\r\n\x1a\n and no more"])
def test_a_bad_image_is_one_line_and_no_file(run, tmp_path, content):
    (tmp_path / "bad.png").write_bytes(content)
    status, out, err = run("compress", tmp_path / "bad.png")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith(f"cca-jax: {tmp_path / 'bad.png'}: ")
    assert os.listdir(tmp_path) == ["bad.png"]


def test_one_bad_image_among_several_does_not_stop_the_rest(run, photo, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    status, out, err = run("compress", photo("a.png"), tmp_path / "bad.png", photo("c.png"), tmp_path / "missing.png")
    assert status == 2
    assert [line.split()[0] for line in out.splitlines()] == ["a.cca", "c.cca"]
    assert [line.split(": ")[1] for line in err.splitlines()] == [str(tmp_path / n) for n in ("bad.png", "missing.png")]
    assert sorted(os.listdir(tmp_path)) == ["a.cca", "a.png", "bad.png", "c.cca", "c.png"]


def test_an_input_is_never_overwritten(run, calls, photo):
    path = photo()
    before = Path(path).read_bytes()
    for output in (path, os.path.join(os.path.dirname(path), ".", "photo.png")):
        status, _, err = run("compress", path, "-o", output)
        assert status == 2
        assert "would be overwritten" in err
    assert Path(path).read_bytes() == before
    assert calls == []


def test_inputs_that_differ_by_their_endings_keep_them(run, photo, tmp_path, visible):
    status, _, _ = run("compress", photo("a.png"), photo("a.bmp"), photo("b.png"), "-o", tmp_path / "out")
    assert status == 0
    assert visible(tmp_path / "out") == ["a.bmp.cca", "a.png.cca", "b.cca"]


def test_two_inputs_of_one_name_are_refused_before_any_work(run, calls, photo, tmp_path):
    status, _, err = run("compress", photo("in/a.png"), photo("a.png"), "-o", tmp_path / "out")
    assert status == 2
    assert "would both be written to it" in err
    assert sorted(os.listdir(tmp_path)) == ["a.png", "in"]


@pytest.mark.parametrize("output", ["file.cca", "exists"])
def test_several_images_need_a_folder(run, photo, tmp_path, output):
    (tmp_path / "exists").write_text("a file")
    status, _, err = run("compress", photo("a.png"), photo("b.png"), "-o", tmp_path / output)
    assert status == 2
    assert "must name a folder" in err


def test_a_missing_output_folder_is_named(run, photo, tmp_path):
    status, _, err = run("compress", photo(), "-o", tmp_path / "none" / "a.cca")
    assert status == 2
    assert "create it first" in err


def test_an_unknown_model_is_one_line_for_all_images(run, photo):
    status, _, err = run("compress", photo("a.png"), photo("b.png"), "--model", "nope")
    assert (status, err) == (2, "cca-jax: there is no model 'nope': choose fake\n")


def test_an_empty_folder_is_refused(run, tmp_path):
    status, _, err = run("compress", tmp_path)
    assert status == 2
    assert "holds no file" in err


def test_a_file_that_does_not_decode_is_not_left_behind(run, photo, tmp_path, monkeypatch, fake_codec):
    def decompress(self, data, slices=None, *, clock=None):
        raise ValueError("wrong symbols")

    monkeypatch.setattr(fake_codec, "decompress", decompress)
    status, _, err = run("compress", photo(), "--metrics")
    assert status == 2
    assert err.endswith("photo.png: wrong symbols\n")
    assert os.listdir(tmp_path) == ["photo.png"]


@pytest.mark.parametrize(("kind", "words"), [("bpp", "quality 12.50"), ("psnr", "quality 12.50 reaches 31.50 dB")])
def test_a_target_is_searched_for_and_what_was_found_is_said(run, photo, monkeypatch, kind, words):
    asked = []

    def compress_to_target(codec, image, target, tile, *, effort, progress):
        asked.append((target, tile, effort))
        return quality_search.SearchResult(codec.compress(image, 12.5), 12.5, 31.5)

    monkeypatch.setattr(quality_search, "compress_to_target", compress_to_target)
    status, out, _ = run("compress", photo(), f"--target-{kind}", "31.7", "--tile", "512", "--effort", "1")
    assert (status, asked) == (0, [(quality_search.Target(31.7, kind), 512, 1)])
    assert out.endswith(f" bpp  {words}\n")


@pytest.mark.parametrize("effort", ["10", "-1", "2.5", "much"])
def test_an_effort_that_is_none_is_one_line_and_no_file(run, calls, photo, tmp_path, effort):
    status, out, err = run("compress", photo(), "--effort", effort)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "--effort" in err
    assert os.listdir(tmp_path) == ["photo.png"]


def test_help_has_the_table_of_efforts(run):
    _, out, _ = run("compress", "--help")
    rows = [line.split() for line in out[out.index("effort      time") :].splitlines()[1:]]
    assert [row[0] for row in rows] == [str(effort) for effort in range(10)]
    seconds, gains = ([float(row[column]) for row in rows if len(row) > column] for column in (1, 3))
    assert seconds == sorted(seconds)
    assert gains == sorted(gains, reverse=True)
    assert gains[0] == 0


@pytest.mark.parametrize("options", [("--target-bpp", "-1"), ("--target-bpp", "1", "--quality", "5")])
def test_impossible_targets_are_one_line_and_no_file(run, photo, tmp_path, options):
    status, out, err = run("compress", photo(), *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert os.listdir(tmp_path) == ["photo.png"]


def test_larger_images_are_refused_from_their_header(run, photo, calls, tmp_path):
    small, large = photo("small.png", (10, 10, 3)), photo("large.png", (10, 11, 3))
    before = Image.MAX_IMAGE_PIXELS
    status, out, err = run("compress", small, large, "-o", tmp_path / "out", "--max-pixels", 100)
    assert status == 2
    assert out.startswith("small.cca")
    assert "large.png: claims more pixels than the 100 that are decoded safely" in err
    assert calls[0] == ("load", "default", 100)
    assert [call[0] for call in calls] == ["load", "compress"]
    assert before == Image.MAX_IMAGE_PIXELS
    status, _, err = run("compress", small, "--max-pixels", "0")
    assert (status, "no whole number from 1" in err) == (2, True)


def test_the_bound_reaches_the_decoder(run, photo, calls):
    file = photo("photo.png").replace(".png", ".cca")
    assert run("compress", photo("photo.png"))[0] == 0
    calls.clear()
    assert run("decompress", file, "-o", file + ".png", "--max-pixels", "5000")[0] == 0
    assert calls[0] == ("load", "/models/fake", 5000)
