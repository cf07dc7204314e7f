"""Many files: continued where a run ended, summed up, and the same whatever the number of workers."""

import json
import os
from pathlib import Path

import pytest

OTHER_SETTINGS = [
    *(["--quality", "7"], ["--tile", "64"], ["--model", "fake"], ["--overwrite"]),
    *(["--strip"], ["--strip", "gps"], ["--drop-alpha"], ["--background", "red"]),
]


@pytest.fixture
def photos(photo, tmp_path):
    """A folder of four photos, of which one is none, and one with transparency."""
    for number, shape in enumerate([(12, 20, 3), (30, 8, 3), (9, 9, 4)]):
        photo(f"in/{number}.png", shape, seed=number)
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    return tmp_path / "in"


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_second_run_does_what_is_left(run, calls, photos, tmp_path):
    out = tmp_path / "out"
    status, first, err = run("compress", photos, "-o", out)
    assert status == 2
    assert "bad.png" in err
    files = {path.name: path.read_bytes() for path in out.glob("*.cca")}
    assert sorted(files) == ["0.cca", "1.cca", "2.cca"]
    calls.clear()
    (out / "1.cca").unlink()
    status, second, err = run("compress", photos, "-o", out)
    assert [call[0] for call in calls] == ["load", "compress"]
    assert second.replace("  (done before)", "") == first
    assert second.count("(done before)") == 2
    assert {path.name: path.read_bytes() for path in out.glob("*.cca")} == files
    assert "2 skipped, 1 failed, 1 done" in err or "2 skipped, 1 done, 1 failed" in err


@pytest.mark.parametrize("options", OTHER_SETTINGS)
def test_other_settings_are_other_work(run, calls, photos, tmp_path, options):
    run("compress", photos, "-o", tmp_path / "out")
    calls.clear()
    run("compress", photos, "-o", tmp_path / "out", *options)
    same_model = options == ["--model", "fake"]  # named, but of the same identity
    assert [call[0] for call in calls].count("compress") == (0 if same_model else 3)


def test_another_photo_is_compressed_anew(run, calls, photo, photos, tmp_path):
    run("compress", photos, "-o", tmp_path / "out")
    calls.clear()
    photo("in/1.png", (30, 8, 3), seed=9)
    run("compress", photos, "-o", tmp_path / "out")
    assert [call[0] for call in calls] == ["load", "compress"]


def test_the_means_are_of_all_files(run, photos, tmp_path):
    _, first, _ = run("compress", photos, "-o", tmp_path / "out", "--metrics")
    _, second, _ = run("compress", photos, "-o", tmp_path / "out", "--metrics")
    assert first.splitlines()[-1].startswith("mean of 3 images")
    assert second.replace("  (done before)", "") == first


def test_restoring_continues_too(run, calls, photos, tmp_path):
    run("compress", photos, "-o", tmp_path / "out")
    status, first, _ = run("decompress", tmp_path / "out", "-o", tmp_path / "back")
    assert status == 0
    calls.clear()
    (tmp_path / "back" / "0.png").write_bytes(b"cut short")
    status, second, _ = run("decompress", tmp_path / "out", "-o", tmp_path / "back")
    assert status == 0
    assert [call[0] for call in calls] == ["decompress"]  # the model is still loaded
    assert second.replace("  (done before)", "") == first


def test_a_few_named_files_leave_no_journal(run, photos):
    run("compress", photos / "0.png", photos / "1.png")
    assert sorted(os.listdir(photos)) == ["0.cca", "0.png", "1.cca", "1.png", "2.png", "bad.png"]


def test_the_summary_has_a_line_for_each_input(run, photos, tmp_path):
    summary = tmp_path / "summary.jsonl"
    command = ("compress", photos, "-o", tmp_path / "out", "--drop-alpha", "--summary", summary)
    status, _, err = run(*command)
    assert status == 2
    assert "3 done, 1 failed" in err
    lines = {Path(line["input"]).name: line for line in lines_of(summary)}
    assert {name: line["status"] for name, line in lines.items()} == {
        "0.png": "done",
        "1.png": "done",
        "2.png": "done",
        "bad.png": "failed",
    }
    one = lines["1.png"]
    size = (tmp_path / "out" / "1.cca").stat().st_size
    assert one["output"] == str(tmp_path / "out" / "1.cca")
    assert (one["bytes"], one["width"], one["height"]) == (size, 8, 30)
    assert one["bpp"] == 8 * size / 240
    assert lines["2.png"]["notes"] == ["transparency was composited on white"]
    assert "not an image" in lines["bad.png"]["error"]
    run(*command)
    assert [line["status"] for line in lines_of(summary)] == ["skipped", "skipped", "skipped", "failed"]


def test_a_summary_that_cannot_be_written_is_said_before_anything_is_done(run, calls, photos, tmp_path):
    status, _, err = run("compress", photos, "-o", tmp_path / "out", "--summary", tmp_path / "none" / "s.jsonl")
    assert (status, err.count("\n")) == (2, 1)
    assert "none" in err
    assert [call for call in calls if call[0] == "compress"] == []


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_number_of_workers_changes_nothing(run, photos, tmp_path, workers):
    _, expected, _ = run("compress", photos, "-o", tmp_path / "expected")
    _, out, _ = run("compress", photos, "-o", tmp_path / "out", "--workers", workers)
    assert out == expected
    for path in (tmp_path / "expected").glob("*.cca"):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_folders_at_any_depth_are_mirrored(run, photo, photos, tmp_path):
    photo("in/deep/er/3.png")
    status, _, _ = run("compress", photos, "-o", tmp_path / "out", "--recursive")
    assert status == 2  # for the bad one
    assert (tmp_path / "out" / "deep" / "er" / "3.cca").is_file()
    status, _, _ = run("decompress", tmp_path / "out", "-o", tmp_path / "back", "--recursive")
    assert status == 0
    assert sorted(path.relative_to(tmp_path / "back").as_posix() for path in tmp_path.glob("back/**/*.png")) == [
        "0.png",
        "1.png",
        "2.png",
        "deep/er/3.png",
    ]


def test_a_store_is_read_written_and_continued(run, calls, photos):
    store = pytest.importorskip("fsspec").filesystem("memory")
    store.store.clear()
    for name in ("0.png", "1.png"):
        store.pipe_file(f"/bucket/in/{name}", (photos / name).read_bytes())
    status, first, _ = run("compress", "memory://bucket/in", "-o", "memory://bucket/out")
    assert status == 0
    assert sorted(store.find("/bucket/out")) == [*store.find("/bucket/out/.cca-jax"), *store.glob("/bucket/out/*.cca")]
    assert len(store.glob("/bucket/out/*.cca")) == 2
    calls.clear()
    _, second, _ = run("compress", "memory://bucket/in", "-o", "memory://bucket/out")
    assert [call[0] for call in calls] == ["load"]
    assert second.replace("  (done before)", "") == first
    store.store.clear()


def test_what_is_not_plain_needs_a_folder_for_its_outputs(run, photos, tmp_path):
    (tmp_path / "photos.txt").write_text("in/0.png\n")
    status, _, err = run("compress", tmp_path / "photos.txt")
    assert (status, err.count("\n")) == (2, 1)
    assert "-o must name a folder" in err
