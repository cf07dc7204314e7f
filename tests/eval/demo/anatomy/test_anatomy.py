"""What a file is made of: parts that add up, bits by hand, and slices hidden from each other."""

import json

import numpy as np
import pytest
from PIL import Image

from cca_jax.bitstream.container import read_header
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.entropy_coding.coders import get_coder
from cca_jax.entropy_coding.tables import CodingTables
from eval.demo.anatomy import __main__ as command
from eval.demo.anatomy.bits import bits_by_position, file_parts, symbol_bits
from eval.demo.anatomy.context import hiding_costs


@pytest.fixture(scope="module")
def codecs(micro, micro_params, micro_context, micro_context_params):
    models = {"context": (micro, micro_params), "context_exact": (micro_context, micro_context_params)}
    return {name: Codec(Bundle.build(name, "", *model), get_coder("constriction")) for name, model in models.items()}


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def test_a_symbol_costs_what_its_table_says():
    # Two symbols, -1 and 0, with a half and a quarter; the escape has the rest.
    tables = CodingTables(*(np.array(v, np.int32) for v in ([0, 32768, 49152, 65536], [0, 4], [-1])))
    symbols = np.array([[-1, 0, 1, 99, -7]], np.int32)
    assert symbol_bits(tables, symbols, np.zeros_like(symbols)).tolist() == [[1, 2, 2, 2, 2]]


@pytest.mark.parametrize("tile", [None, 64])
def test_parts_of_a_file_add_up(codecs, image, tile):
    wide = np.concatenate([image, image], axis=1)
    data = codecs["context_exact"].compress(wide, 60, tile=tile)
    parts, header = file_parts(data), read_header(data)
    assert header.grid.count == (2 if tile else 1)
    streams = [entry.length for entry in header.entries]
    of_slices = np.reshape(streams, (4, header.grid.count)).sum(axis=1)[1:]
    assert parts.slices == pytest.approx(8 * of_slices / wide[..., 0].size)
    assert parts.header + parts.hyper + sum(parts.slices) == pytest.approx(8 * len(data) / wide[..., 0].size)


def test_positions_add_up_to_the_streams(codecs, image):
    codec = codecs["context"]
    encoding = codec.encode(image)
    bits = bits_by_position(codec, encoding)
    assert bits.shape == (3, 4, 4)
    for stream, of_slice in zip(encoding.container.streams[1:], bits, strict=True):
        # Escapes write digits besides, and a coder's last word is not full.
        assert of_slice.sum() <= 8 * len(stream.data) + 1 < 1.3 * of_slice.sum() + 128


@pytest.mark.parametrize(("name", "quality"), [("context", None), ("context_exact", 60.0)])
def test_what_is_hidden_costs_bits_where_it_was_seen(codecs, image, name, quality):
    codec = codecs[name]
    own, more = hiding_costs(codec, image, quality)
    assert own.shape == (3,)
    assert more.shape == (3, 3)
    assert (more[np.triu_indices(3)] == 0).all()  # a slice sees neither itself nor a later one
    assert (more[np.tril_indices(3, -1)] != 0).all()
    of_file = bits_by_position(codec, codec.encode(image, quality)).sum(axis=(1, 2))
    assert own == pytest.approx(of_file, rel=2e-3)


def test_sides_that_the_model_does_not_take_are_refused(codecs, image):
    with pytest.raises(ValueError, match="multiples of 64, got 63×64"):
        hiding_costs(codecs["context"], image[:, :63], None)


@pytest.fixture
def photo(tmp_path, image):
    Image.fromarray(image[:50]).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_the_command_writes_figures_and_says_what_they_show(codecs, photo, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "load_codec", lambda _: codecs["context_exact"])
    assert command.main([str(photo), "--quality", "70", "20", "--out", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["quality"] for row in told["files"]] == [20, 70]
    assert len(told["files"][0]["slices"]) == 3
    assert told["context"]["quality"] == 70
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["bits-map.svg", "bits-of-slices.svg", "causal-slices.svg"]
    for name in names:
        assert "prefers-color-scheme: dark" in (tmp_path / "out" / name).read_text()


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [("context", ["--quality", "50"], "single rate"), ("context_exact", ["--quality", "0"], "from 1 to 100")],
)
def test_other_qualities_are_refused_in_one_line(
    codecs, photo, tmp_path, monkeypatch, capsys, name, arguments, problem
):
    monkeypatch.setattr(command, "load_codec", lambda _: codecs[name])
    assert command.main([str(photo), *arguments, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert problem in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()
