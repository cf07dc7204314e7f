"""The example that decodes with exported programs alone: the codec's symbols, and its picture to a level."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle, save_bundle
from cca_jax.codec.codec import load_model
from cca_jax.convert.export.write import export_model
from examples.exported_decoder.__main__ import main
from examples.exported_decoder.container import read
from examples.exported_decoder.decoder import decode, rate_inputs
from examples.exported_decoder.programs import Programs

pytestmark = pytest.mark.usefixtures("quick_compilation")

CODERS = ["tensorflow", "constriction"]


class Exported:
    """A model, its codec and its programs."""

    def __init__(self, folder, size, config=None, params=None):
        if config is None:
            self.model = "lite"
        else:
            self.model = folder / "model"
            save_bundle(Bundle.build("model", "", config, params), self.model, "")
        export_model(self.model, folder / "programs", "stablehlo", size, ("cpu",))
        self.codec, self.folder = load_model(self.model), folder / "programs"
        self.programs = Programs(self.folder)


@pytest.fixture(scope="module")
def exported(tmp_path_factory, micro, micro_lite, micro_context, draw_lively):
    """Of each kind of scales, in two slices, with arrays for pictures of 192×128 pixels; made when first asked for."""
    kinds = {
        config.scale_source: dataclasses.replace(config, num_slices=2) for config in (micro, micro_lite, micro_context)
    }
    made = {}

    def get(kind):
        if kind not in made:
            config = kinds[kind]
            made[kind] = Exported(tmp_path_factory.mktemp(kind), (192, 128), config, draw_lively(config))
        return made[kind]

    return get


def photo(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def assert_decodes_alike(exported, data):
    expected, actual = {}, {}
    theirs = exported.codec.decompress(
        data, observe=lambda tile, stream, symbols: expected.update({(tile, stream): symbols})
    )
    ours = decode(read(data), exported.programs, lambda tile, stream, symbols: actual.update({(tile, stream): symbols}))
    assert expected.keys() == actual.keys()
    for at, symbols in expected.items():
        np.testing.assert_array_equal(actual[at], symbols)
    assert any(np.abs(symbols).max() > 1 for symbols in actual.values())
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("kind", ["context", "hyperprior_exact", "context_exact"])
def test_the_codecs_symbols_and_picture(exported, kind, coder):
    ours = exported(kind)
    quality = None if kind == "context" else 61.3  # between two rates
    assert_decodes_alike(ours, ours.codec.with_coder(coder).compress(photo(120, 150), quality))


@pytest.mark.parametrize("kind", ["context", "hyperprior_exact"])
def test_the_programs_encode_what_the_codec_does(exported, kind):
    """A picture that fills the arrays: from its pixels to the symbols of every stream."""
    ours, image = exported(kind), photo(128, 192)
    run, quality = ours.programs, None if kind == "context" else 40.5
    common = {"sides": (2, 3), **rate_inputs(0 if quality is None else round(256 * quality), run)}
    y = run("analysis", image=image[None], **common)["y"]
    z_symbols = run("hyper_analysis", y=y, **common)["z_symbols"]
    if kind == "context":
        known, symbols = dict(run("hyper_synthesis", z_symbols=z_symbols, **common)), []
        for number in (1, 2):
            prediction = run(f"slice_{number}_predict", **known, **common)
            symbols.append(run(f"slice_{number}_symbols", y=y, mean=prediction["mean"], **common)["symbols"])
            known |= run(f"slice_{number}_refine", **prediction, symbols=symbols[-1], **common)
        y_symbols = np.concatenate(symbols, axis=-1)
    else:
        y_symbols = run("encode_latent", y=y, z_symbols=z_symbols, **common)["y_symbols"]
    expected = ours.codec.encode(image, quality).symbols
    np.testing.assert_array_equal(z_symbols, expected[0])
    np.testing.assert_array_equal(y_symbols, np.concatenate(expected[1:], axis=-1))


@pytest.mark.parametrize("kind", ["hyperprior_exact", "context_exact"])
def test_exact_models_take_smaller_pictures(exported, kind):
    """Their symbols do not depend on the shape of the arrays."""
    ours = exported(kind)
    assert_decodes_alike(ours, ours.codec.compress(photo(50, 70), 20))


def test_tiles_fade_into_each_other(exported):
    ours = exported("context_exact")
    data = ours.codec.compress(photo(100, 300), 40, tile=64)
    assert container.read_header(data).grid.count == 10
    assert_decodes_alike(ours, data)


def test_boxes_are_passed_over(exported):
    ours = exported("context_exact")
    data = ours.codec.compress(np.dstack([photo(40, 60), np.full((40, 60), 90, np.uint8)]), 40)
    assert data[3] == 4
    assert_decodes_alike(ours, data)


STRANGER = """
import sys
import numpy as np
from examples.exported_decoder.__main__ import main
from examples.exported_decoder.container import check_symbols
from examples.exported_decoder import decoder
seen = []
decoder.check_symbols = lambda stream, symbols: (seen.append(symbols), check_symbols(stream, symbols))
status = main(sys.argv[1:4])
np.savez(sys.argv[4], *seen)
print(status, sorted({"cca_jax", "flax", "tensorflow"} & {name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.slow
def test_the_shipped_model_without_its_code(tmp_path):
    """As a stranger runs it: in a process that never imports the package or Flax."""
    lite = Exported(tmp_path, (64, 64))
    smooth = np.indices((50, 60)).sum(0)[..., None] * np.array([1, 2, 0.5])
    data = lite.codec.compress(smooth.clip(0, 255).astype(np.uint8), 70)
    files = [tmp_path / name for name in ("a.cca", "a.png", "symbols.npz")]
    files[0].write_bytes(data)
    command = [sys.executable, "-c", STRANGER, *map(str, (lite.folder, *files))]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert (ended.stdout, ended.stderr) == ("0 []\n", "")
    expected = {}
    theirs = lite.codec.decompress(data, observe=lambda tile, stream, symbols: expected.update({stream: symbols}))
    with np.load(files[2]) as actual:
        for stream in range(6):
            np.testing.assert_array_equal(actual[f"arr_{stream}"], expected[stream])
    assert np.abs(np.asarray(Image.open(files[1])).astype(int) - theirs).max() <= 1


def flipped(data):
    """With another last byte."""
    return data[:-1] + bytes([data[-1] ^ 255])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda codec: codec.compress(photo(100, 300), 40), "export with a larger --size"),
        (lambda codec: codec.compress(photo(40, 40), 40)[:-1], "cut short"),
        (lambda codec: b"CCA\x09" + bytes(40), "has version 9"),
        (lambda codec: b"no such file", "not a .cca file"),
        (lambda codec: flipped(codec.compress(photo(40, 40), 40)), "damaged"),
        (lambda codec: codec.compress(photo(40, 40), 40) + b"?", "something follows"),
    ],
)
def test_bad_files_are_one_line_and_status_2(exported, make, reason, tmp_path, capsys):
    ours, file = exported("context_exact"), tmp_path / "a.cca"
    file.write_bytes(make(ours.codec))
    assert main([str(ours.folder), str(file), str(tmp_path / "a.png")]) == 2
    message = capsys.readouterr().err
    assert reason in message
    assert message.count("\n") == 1
    assert not (tmp_path / "a.png").exists()


def test_float_scales_want_their_own_bucket(exported):
    ours = exported("context")
    with pytest.raises(ValueError, match="export with --size 64x64"):
        decode(read(ours.codec.compress(photo(40, 40))), ours.programs)


def test_another_models_file_is_refused(exported):
    data = exported("context_exact").codec.compress(photo(40, 40), 40)
    with pytest.raises(ValueError, match="the file is of model"):
        decode(read(data), exported("hyperprior_exact").programs)


def test_programs_of_another_jax_are_named(exported, monkeypatch, tmp_path, capsys):
    ours, file = exported("context_exact"), tmp_path / "a.cca"
    file.write_bytes(ours.codec.compress(photo(40, 40), 40))

    def refuse(data):
        raise NotImplementedError("deserialize unsupported version 99")

    monkeypatch.setattr("jax.export.deserialize", refuse)
    assert main([str(ours.folder), str(file), str(tmp_path / "a.png")]) == 2
    message = capsys.readouterr().err
    assert f"does not read programs of JAX {ours.programs.manifest['made_with']['jax']} (deserialize" in message
    assert message.count("\n") == 1


@pytest.mark.parametrize("lacking", ["manifest.json", "tables.safetensors"])
def test_a_folder_that_is_not_whole_is_one_line(exported, lacking, tmp_path, capsys):
    ours = exported("context_exact")
    (tmp_path / "programs").mkdir()
    for path in ours.folder.iterdir():
        if path.name != lacking and path.is_file():
            (tmp_path / "programs" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "a.cca").write_bytes(ours.codec.compress(photo(40, 40), 40))
    assert main([str(tmp_path / "programs"), str(tmp_path / "a.cca"), str(tmp_path / "a.png")]) == 2
    message = capsys.readouterr().err
    assert lacking in message
    assert message.count("\n") == 1
