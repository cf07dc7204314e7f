"""Runs over images: what is measured, what is not measured again, and what does not stop the rest."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from eval.codecs.conventional import ConventionalCodec
from eval.rate_distortion.means import mean_records
from eval.results.results import Machine
from eval.runner.images import open_source
from eval.runner.plan import Plan
from eval.runner.run import run
from eval.runner.store import Cache, Journal

MACHINE = Machine(cpu="x", cores=1, memory_bytes=None, system="y", device="cpu")


@pytest.fixture
def go(photos, tmp_path, counting_codec):
    def start(codecs=None, machine=MACHINE, cache=False, estimate=False, journal="journal"):
        codecs = [counting_codec()] if codecs is None else codecs
        kept = Cache(tmp_path / "cache") if cache else None
        plan = Plan(open_source(str(photos)), codecs, estimate, machine, Journal(tmp_path / journal), kept)
        return run(plan), codecs

    return start


def calls(codecs):
    return sum(len(codec.encoded) for codec in codecs)


def test_every_image_codec_and_setting_is_measured(go, counting_codec, capsys):
    outcome, _ = go([counting_codec("one"), counting_codec("two", "ours", (8.0,))])
    actual = [(record.image, record.codec, record.setting) for record in outcome.records]
    settings = [("one", 2.0), ("one", 4.0), ("two", 8.0)]
    assert actual == [(image, *rest) for image in ("a.png", "more/b.png") for rest in settings]
    assert outcome.failures == []
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[i, c] for i in ("a.png", "more/b.png") for c in ("one", "two")]


def test_an_interrupted_run_is_continued_without_doing_anything_twice(go, counting_codec, tmp_path):
    class Interrupted(counting_codec):
        def encode(self, pixels, setting):
            if len(self.encoded) == 3:  # a first call apart from the measured ones, then two
                raise KeyboardInterrupt
            return super().encode(pixels, setting)

    with pytest.raises(KeyboardInterrupt):
        go([Interrupted()])
    with (tmp_path / "journal").open("a") as file:
        file.write('{"key": "half a li')  # as if it had been killed while it wrote
    outcome, codecs = go()
    assert outcome.known == 2
    assert codecs[0].encoded == [((9, 7, 3), 2.0), ((9, 7, 3), 2.0), ((9, 7, 3), 4.0)]
    again, codecs = go()
    assert calls(codecs) == 0
    assert again.known == 4
    assert again.records == outcome.records


@pytest.mark.parametrize("what", ["version", "pixels", "machine", "estimate"])
def test_what_a_result_depends_on_is_measured_anew(go, photos, counting_codec, what):
    go([counting_codec(kind="ours")])
    codec, changes, expected = counting_codec(kind="ours"), {}, 4
    if what == "version":
        codec.version = "2"
    elif what == "pixels":
        Image.new("RGB", (20, 12), "red").save(photos / "a.png")
        expected = 2
    elif what == "machine":
        changes["machine"] = MACHINE.model_copy(update={"cores": 2})
    else:
        changes["estimate"] = True
    outcome, _ = go([codec], **changes)
    assert len(codec.encoded) == expected
    assert all((record.estimated_bits_per_pixel is not None) == (what == "estimate") for record in outcome.records)


def test_the_same_pixels_under_another_name_are_known(go, photos):
    go()
    (photos / "a.png").rename(photos / "c.png")
    outcome, codecs = go()
    assert calls(codecs) == 0
    assert {record.image for record in outcome.records} == {"c.png", "more/b.png"}


def test_other_reports_reuse_conventional_codecs_only(go, counting_codec):
    first, _ = go([counting_codec(), counting_codec("lite", "ours")], cache=True)
    second, codecs = go([counting_codec(), counting_codec("lite", "ours")], cache=True, journal="other")
    assert [len(codec.encoded) for codec in codecs] == [0, 4]
    assert [r for r in second.records if r.codec == "fake"] == [r for r in first.records if r.codec == "fake"]
    _, codecs = go(journal="third")  # without the cache
    assert calls(codecs) == 5


def test_a_damaged_cache_entry_is_measured_anew(go, tmp_path):
    go(cache=True)
    for file in (tmp_path / "cache").rglob("*.json"):
        file.write_bytes(file.read_bytes()[:-20])
    outcome, codecs = go(cache=True, journal="other")
    assert calls(codecs) == 5
    assert outcome.known == 0


def test_a_coded_file_is_made_once_for_each_version_setting_and_image(tmp_path):
    made = []

    def write(pixels, setting):
        made.append(setting)
        return bytes([setting, *pixels[0, 0]])

    codec = ConventionalCodec("slow", "1", (1, 2), (1,), write, np.frombuffer)
    keeping = Cache(tmp_path).keeping_files(codec)
    black, red = np.zeros((2, 3, 3), np.uint8), np.full((2, 3, 3), [255, 0, 0], np.uint8)
    asked = [(keeping, black, 1), (keeping, black, 2), (keeping, red, 1)]
    asked.append((Cache(tmp_path).keeping_files(dataclasses.replace(codec, version="2")), black, 1))
    for _ in range(2):
        actual = [one.encode(pixels, setting).data for one, pixels, setting in asked]
        assert actual == [bytes([setting, *pixels[0, 0]]) for _, pixels, setting in asked]
    assert made == [1, 2, 1, 1]


def test_a_broken_image_is_reported_once_and_the_rest_goes_on(go, photos, counting_codec, capsys):
    (photos / "more" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    outcome, _ = go([counting_codec("one"), counting_codec("two")])
    assert {record.image for record in outcome.records} == {"a.png", "more/b.png"}
    (failure,) = outcome.failures
    assert (failure.image, failure.codec) == ("more/bad.png", None)
    (line,) = capsys.readouterr().err.splitlines()
    assert "more/bad.png" in line
    assert "is damaged" in line


def test_a_codec_that_fails_on_an_image_has_no_record_of_it(go, photos, counting_codec, capsys):
    class Fussy(counting_codec):
        def encode(self, pixels, setting):
            encoded = super().encode(pixels, setting)
            if pixels.shape[0] == 12 and setting == 4:
                raise MemoryError
            return encoded

    outcome, _ = go([Fussy("fussy"), counting_codec("fine")])
    assert [(r.image, r.codec) for r in outcome.records if r.codec == "fussy"] == [("more/b.png", "fussy")] * 2
    assert sum(record.codec == "fine" for record in outcome.records) == 4
    (failure,) = outcome.failures
    assert (failure.image, failure.codec, failure.setting) == ("a.png", "fussy", 4.0)
    assert capsys.readouterr().err.splitlines() == [f"cca-jax: a.png: fussy: {failure.reason}"]


def test_transparency_is_said(go, photos, capsys):
    Image.fromarray(np.full((8, 8, 4), 128, np.uint8)).save(photos / "clear.png")
    outcome, _ = go()
    assert len(outcome.records) == 6
    assert "clear.png: warning: transparen" in capsys.readouterr().err


@pytest.fixture
def many(tmp_path):
    """A folder of nine images, of which one is none and one is all black."""
    folder = tmp_path / "many"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(9):
        pixels = np.zeros((8, 8, 3), np.uint8) if number == 4 else generator.integers(0, 256, (8, 9, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "7.png").write_bytes(b"no picture")
    return folder


def go_sampled(folder, journal, codec, sample):
    plan = Plan(open_source(str(folder)), [codec], False, MACHINE, Journal(journal), None, sample)
    return run(plan)


def test_a_time_sample_is_timed_and_the_others_are_measured_alike(many, tmp_path, counting_codec):
    whole = go_sampled(many, tmp_path / "whole", counting_codec(kind="ours"), None)
    sampled = go_sampled(many, tmp_path / "sampled", counting_codec(kind="ours"), 2)
    plain = {"encode_seconds": {}, "decode_seconds": {}, "peak_memory_bytes": None}
    assert [one.model_copy(update=plain) for one in sampled.records] == [
        one.model_copy(update=plain) for one in whole.records
    ]
    assert {record.image for record in sampled.records if record.encode_seconds} == {"2.png", "6.png"}
    key = lambda failure: failure.image  # noqa: E731
    assert sorted(sampled.failures, key=key) == sorted(whole.failures, key=key)
    assert [failure.image for failure in sampled.failures] == ["4.png", "7.png"]


def test_a_sampled_run_is_continued(many, tmp_path, counting_codec):
    first = go_sampled(many, tmp_path / "journal", counting_codec(), 2)
    codec = counting_codec()
    again = go_sampled(many, tmp_path / "journal", codec, 2)
    assert again.known == len(again.records) == 14
    assert again.records == first.records
    assert len(codec.encoded) == 1  # the black one fails each time
    codec = counting_codec()
    timed = go_sampled(many, tmp_path / "journal", codec, None)
    assert timed.known == 4  # times that were not taken are
    assert all(record.encode_seconds for record in timed.records)


def test_means_of_times_are_of_the_sample(many, tmp_path, counting_codec):
    (mean, _) = mean_records(go_sampled(many, tmp_path / "journal", counting_codec(), 2).records)
    assert (mean.count, mean.count_timed, mean.encode_seconds["total"]) == (7, 2, 0.25)
    (mean, _) = mean_records(go_sampled(many, tmp_path / "all", counting_codec(), None).records)
    assert (mean.count, mean.count_timed) == (7, None)
