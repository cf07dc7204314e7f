"""`cca-jax info`, `models` and `convert`: tables for people, JSON for machines."""

import dataclasses
import json

import pytest

from cca_jax.bitstream import container
from cca_jax.bundles.provenance import read_provenance
from cca_jax.bundles.registry import locate
from cca_jax.cli.commands.info import format_provenance, format_qualities
from cca_jax.cli.library import models
from cca_jax.config import ModelConfig
from cca_jax.convert import checkpoint


@pytest.fixture
def file(run, photo, tmp_path):
    assert run("compress", photo(), "--quality", "1.5")[0] == 0
    return tmp_path / "photo.cca"


def test_info_of_a_file_for_machines(run, file):
    status, out, _ = run("info", file, "--json")
    facts = json.loads(out)
    size = file.stat().st_size
    assert status == 0
    assert facts["kind"] == "file"
    assert (facts["width"], facts["height"], facts["bytes"]) == (20, 12, size)
    assert facts["bits_per_pixel"] == 8 * size / 240
    assert facts["quality"] == 1.5
    assert facts["model"] == {"identity": b"fakemodl".hex(), "name": "fake"}
    assert facts["coder"] == {"identifier": 2, "name": "constriction"}
    assert facts["streams"]["y"] == [3, 4]
    assert facts["header_bytes"] + facts["streams"]["z"] + 7 == size
    assert facts["whole_streams"] == 3
    assert facts["tiles"] == {"rows": 1, "columns": 1, "height": 64, "width": 64}


def test_info_of_a_file_for_people(run, file):
    _, out, _ = run("info", file)
    table = dict(line.split(None, 1) for line in out.splitlines() if not line.startswith("stream"))
    assert table["image"] == "20×12 pixels"
    assert table["state"] == "complete"
    assert table["model"] == f"fake ({b'fakemodl'.hex()})"
    assert "stream y2  4 bytes" in out


def test_info_of_a_file_in_tiles(run, tmp_path):
    streams = tuple(container.Stream(bytes(length), 0) for length in (1, 2, 3, 10, 20, 30))
    file = container.Container(150, 64, b"fakemodl", 2, None, streams, 3, (1, 1))
    path = tmp_path / "tiled.cca"
    path.write_bytes(container.write(file)[:-1])
    _, out, _ = run("info", path)
    assert "tiles      3: 3 columns, 1 rows, each of up to 64×64 pixels" in out
    assert "stream z   6 bytes" in out
    assert "stream y1  60 bytes" in out
    assert "cut short: 1 of 2 streams are whole" in out


def test_info_of_a_cut_file_of_an_unknown_model(run, file):
    file.write_bytes(file.read_bytes()[:-1].replace(b"fakemodl", b"othermod"))
    _, out, _ = run("info", file)
    assert "cut short: 2 of 3 streams are whole" in out
    assert "not installed here" in out


def test_info_of_a_model(run):
    _, people, _ = run("info", "fake")
    _, machines, _ = run("info", "fake", "--json")
    facts = json.loads(machines)
    assert facts["kind"] == "model"
    assert facts["parameters"] == 1234567
    assert facts["kmac_per_pixel"] == {"encode": 693.4, "decode": 688.7}
    assert "693.4 to encode, 688.7 to decode" in people
    assert facts["card"].endswith("README.md")
    assert facts["config"] == json.loads(json.dumps(dataclasses.asdict(ModelConfig())))
    assert "parameters" in people
    assert "1,234,567" in people


def test_info_says_how_a_model_was_trained(run):
    assert "not stated" in run("info", "fake")[1]
    assert json.loads(run("info", "fake", "--json")[1])["provenance"] is None
    provenance = read_provenance(locate("starter"))
    assert format_provenance(provenance) == (
        "8,300 steps, 33,200 crops, 1 run, 1.7 hours on two shared CPU cores; photographs: 500 of BSDS500, "
        "863 of ImageNet, samples"
    )


@pytest.mark.parametrize("content", [b"", b"text", None])
def test_info_of_a_bad_file(run, tmp_path, content):
    path = tmp_path / "a.cca"
    if content is not None:
        path.write_bytes(content)
    status, out, err = run("info", path)
    assert (status, out) == (2, "")
    assert err.startswith(f"cca-jax: {path}: ")
    assert err.count("\n") == 1


def test_info_of_an_unknown_model(run):
    assert run("info", "nope") == (2, "", "cca-jax: there is no model 'nope': choose fake\n")


def test_models(run):
    _, people, _ = run("models")
    _, machines, _ = run("models", "--json")
    head, *rows = people.splitlines()
    assert head.split() == ["name", "identity", "parameters", "bytes", "qualities", "description"]
    assert [row.split()[0] for row in rows] == ["fake", "other"]
    assert [model["name"] for model in json.loads(machines)] == ["fake", "other"]


def test_the_range_of_qualities_in_words():
    assert format_qualities([]) == "one"
    assert format_qualities([1.0, 12.0, 100.0]) == "1 to 100"


def test_convert_calls_the_converter(run, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(checkpoint, "convert_checkpoint", lambda *arguments: asked.append(arguments) or "took these")
    (tmp_path / "a.pth.tar").touch()
    status, out, err = run("convert", tmp_path / "a.pth.tar", tmp_path / "model", "--weights", "ema")
    assert status == 0
    assert asked == [(tmp_path / "a.pth.tar", tmp_path / "model", "paper", "ema")]
    assert f"--model {tmp_path / 'model'}" in out
    assert err == "cca-jax: note: took these\n"


def test_convert_writes_a_checkpoint_where_the_output_is_one(run, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(models, "write_checkpoint", lambda *arguments: asked.append(arguments))
    status, out, err = run("convert", "fake", tmp_path / "out.pth.tar")
    assert (status, err) == (0, "")
    assert asked == [("fake", tmp_path / "out.pth.tar")]
    assert out == f"{tmp_path / 'out.pth.tar'}: a checkpoint of fake, for the released code\n"
    (tmp_path / "a.pth.tar").touch()
    for arguments, message in [
        ((tmp_path / "a.pth.tar", tmp_path / "b.pth"), "would be a model's folder"),
        (("fake", tmp_path / "b.pth", "--preset", "paper"), "leave them out"),
    ]:
        status, out, err = run("convert", *arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert message in err


def test_convert_of_a_missing_checkpoint(run, tmp_path):
    status, _, err = run("convert", tmp_path / "none.pth.tar", tmp_path / "model")
    assert status == 2
    assert "there is no such file" in err
