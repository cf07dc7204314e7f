"""Photos to bytes and back: round trips, file size against the likelihoods, partial decoding, and every refusal.

Most pictures are 513 to 640 pixels high: nine or ten units of 64, which share a bucket.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cca_jax.bitstream import container
from cca_jax.bundles.bundle import Bundle
from cca_jax.codec.codec import Codec
from cca_jax.codec.tiles.stopwatch import CODER, ENTROPY_MODEL, TRANSFORM, Stopwatch
from cca_jax.entropy_coding import coders
from cca_jax.entropy_coding.errors import CorruptError, FormatError, MismatchError
from cca_jax.model.coding import coding_steps
from cca_jax.tiling.buckets import pad

CODERS = ["tensorflow", "constriction"]


@pytest.fixture(scope="module")
def codec(micro, micro_params):
    return Codec(Bundle.build("micro", "", micro, micro_params), coders.get_coder("constriction"))


def photo(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def image():
    return photo(570, 64)


@pytest.fixture(scope="module")
def data(codec, image):
    return codec.compress(image)


@pytest.fixture(scope="module")
def whole(codec, data):
    return codec.decompress(data)


@pytest.fixture(scope="module")
def forward(micro_model):
    run = jax.jit(lambda params, image: micro_model.apply({"params": params}, image, auxiliary=False))
    return lambda params, pixels: run(params, jnp.asarray(pixels[None] / np.float32(255)))


@pytest.mark.parametrize("name", CODERS)
def test_the_decoder_sees_the_encoders_symbols(codec, image, whole, name):
    writer = codec.with_coder(name)
    encoding = writer.encode(image)
    data = container.write(encoding.container)
    decoded = codec.decompress(data)  # the file says which coder: the reader's own does not matter
    assert container.read_header(data).coder == writer.coder.identifier
    np.testing.assert_array_equal(decoded, whole)
    expected = np.round(np.clip(codec.reconstruct(encoding.y_hat)[0, :570], 0, 1) * 255)
    np.testing.assert_array_equal(decoded, expected)
    assert any(np.abs(symbols).max() > 1 for symbols in encoding.symbols)  # there was something to code


def test_a_bucket_changes_nothing(codec, forward, image, micro_params):
    """The forward pass knows no buckets: it computes in the shape of the padded image."""
    encoding = codec.encode(image)
    output = forward(micro_params, pad(image))
    assert encoding.tiles[0].latent.shape[1:3] == (40, 4)
    assert encoding.y_hat.shape == output.y_hat.shape == (1, 36, 4, codec.config.latent_channels)
    np.testing.assert_allclose(encoding.y_hat, output.y_hat, atol=1e-4)
    np.testing.assert_allclose(codec.reconstruct(encoding.y_hat), output.x_hat, atol=1e-4)
    streams = [encoding.symbols[0], np.concatenate(encoding.symbols[1:], axis=-1)]
    assert [stream.shape for stream in streams] == [output.z.shape, output.y.shape]


def test_files_of_version_1_are_computed_in_the_shape_of_the_image(codec, image, data, whole):
    encoding = codec.encode(image, version=1)
    old = container.write(encoding.container)
    assert encoding.tiles[0].latent.shape == encoding.y_hat.shape == (1, 36, 4, codec.config.latent_channels)
    assert (container.read_header(old).version, container.read_header(data).version) == (1, 2)
    decoded = codec.decompress(old)
    assert decoded.shape == whole.shape
    assert np.abs(decoded.astype(int) - whole).max() <= 1  # the last bits of x̂ may fall to either side of a level


def test_sizes_of_one_bucket_share_their_programs(codec, data, caplog):
    codec.decompress(data)
    compiled = lambda: sum("Compiling" in record.message for record in caplog.records)  # noqa: E731
    with jax.log_compiles():
        for size in [(513, 1), (577, 63), (640, 64)]:
            assert codec.decompress(codec.compress(photo(*size))).shape == (*size, 3)
        assert compiled() == 0
        jax.jit(lambda x: x + len(data))(0)
        assert compiled() > 0  # it counts at all


@pytest.mark.parametrize("name", CODERS)
def test_streams_are_as_long_as_the_likelihoods_say(codec, forward, micro_params, name):
    image = photo(576, 64, seed=3)
    encoding = codec.with_coder(name).encode(image)
    output = forward(micro_params, image)
    estimate = sum(-np.log2(p).sum() / 8 for p in (output.likelihood_y, output.likelihood_z))
    streams = sum(len(stream.data) for stream in encoding.container.streams)
    # The indexes round every scale up to the next of the table, at a price of at most a thousandth here.
    assert abs(streams - estimate) <= 0.005 * estimate + 32


@pytest.mark.parametrize("size", [(1, 1), (63, 33), (513, 1)])
def test_any_size_comes_back_in_its_size(codec, size):
    assert codec.decompress(codec.compress(photo(*size))).shape == (*size, 3)


def test_a_clock_changes_nothing_but_itself(codec, image, data, whole):
    clock = Stopwatch()
    assert codec.compress(image, clock=clock) == data
    encoding = dict(clock.seconds)
    np.testing.assert_array_equal(codec.decompress(data, clock=clock), whole)
    assert set(encoding) == set(clock.seconds) == {TRANSFORM, ENTROPY_MODEL, CODER}
    assert all(clock.seconds[part] > encoding[part] > 0 for part in encoding)


def test_slices_can_be_left_out_and_cut_off(codec, data, whole):
    header = container.read_header(data)
    pictures = [codec.decompress(data, slices=k) for k in range(codec.config.num_slices + 1)]
    np.testing.assert_array_equal(pictures[-1], whole)
    assert any((picture != whole).any() for picture in pictures[:-1])
    for k, picture in enumerate(pictures):
        np.testing.assert_array_equal(codec.decompress(data[: header.offsets[1 + k]], slices=k), picture)
        with pytest.raises(CorruptError, match="cut short"):
            codec.decompress(data[: header.offsets[1 + k] - 1], slices=k)
    with pytest.raises(ValueError, match="4 cannot be decoded"):
        codec.decompress(data, slices=4)


def test_a_file_that_ends_anywhere_decodes_to_its_whole_slices_where_that_is_asked_for(codec, data, whole):
    offsets = container.read_header(data).offsets
    np.testing.assert_array_equal(codec.decompress(data, partial=True), whole)
    for k, end in enumerate(offsets[1:-1]):  # z, and the slices but the last
        expected = codec.decompress(data, slices=k)
        for cut in (data[:end], data[: offsets[2 + k] - 1], data[:end] + b"\xff" + data[end + 1 :]):
            with pytest.raises(CorruptError, match="--partial"):
                codec.decompress(cut)
            np.testing.assert_array_equal(codec.decompress(cut, partial=True), expected)
    np.testing.assert_array_equal(codec.decompress(data[:-1], slices=1, partial=True), codec.decompress(data, slices=1))
    with pytest.raises(CorruptError, match="nothing of the picture is whole"):
        codec.decompress(data[: offsets[1] - 1], partial=True)


def test_changed_arithmetic_is_told_from_a_damaged_file(codec, data, monkeypatch):
    other = Codec(dataclasses.replace(codec.bundle, scales=codec.bundle.scales * 2), codec.coder)
    monkeypatch.setattr(other, "_identity", codec.identity)
    with pytest.raises(MismatchError, match="arithmetic"):
        other.decompress(data)
    for place in (30, len(data) // 2, len(data) - 1):
        damaged = bytearray(data)
        damaged[place] ^= 4
        with pytest.raises((CorruptError, FormatError)):
            codec.decompress(bytes(damaged))


@pytest.mark.parametrize("name", CODERS)
@pytest.mark.parametrize(("writes", "reads"), [(jnp.bfloat16, jnp.float32), (jnp.float32, jnp.bfloat16)])
def test_an_intact_file_of_another_arithmetic_is_never_called_damaged(codec, name, writes, reads):
    writer, reader = (Codec(codec.bundle, coders.get_coder(name), dtype) for dtype in (writes, reads))

    def cause(seed):
        try:
            reader.decompress(writer.compress(photo(570, 64, seed)))
        except MismatchError as error:
            return str(error)
        return None  # now and then the symbols are the same

    causes = list(filter(None, map(cause, range(6))))
    assert len(causes) >= 3
    assert all("is intact but" in cause and "the model's arithmetic differs here" in cause for cause in causes)


@pytest.mark.parametrize("name", CODERS)
def test_a_stream_that_no_arithmetic_explains_was_written_wrongly(codec, name):
    """The checksums are right, and z, whose tables nothing predicts, is another's."""
    written = codec.with_coder(name).encode(photo(570, 64)).container
    streams = list(written.streams)
    for data in (bytes(200), b"\xff" * 200, b""):
        streams[0] = dataclasses.replace(streams[0], data=data)
        with pytest.raises(CorruptError, match=r"stream z is intact but .*: make the file again"):
            codec.decompress(container.write(dataclasses.replace(written, streams=tuple(streams))))


def test_files_of_another_model_are_refused_by_name(codec, data, micro, micro_params):
    changed = {**micro_params, "synthesis": {**micro_params["synthesis"]}}
    changed["synthesis"]["up_3"] = {k: v + 1 for k, v in changed["synthesis"]["up_3"].items()}
    other = Codec(Bundle.build("other", "", micro, changed), codec.coder)
    with pytest.raises(FormatError, match=f"made with model {codec.identity.hex()}, this is 'other'"):
        other.decompress(data)


@pytest.mark.parametrize("junk", [b"", b"hello, this is text\n", b"\x89PNG\r\n\x1a\n" + bytes(64), b"CCA\x01"])
def test_what_is_no_file_of_ours_is_refused(codec, junk):
    with pytest.raises((FormatError, CorruptError)):
        codec.decompress(junk)


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4, 5), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_other_arrays_are_refused(codec, array):
    with pytest.raises(ValueError, match=r"takes a uint8 or uint16 array \[H, W, 3\], .* got \w+ \["):
        codec.compress(array)


def test_a_quality_needs_a_model_of_several(codec, image):
    with pytest.raises(ValueError, match="single rate"):
        codec.compress(image, quality=50)


def test_a_full_device_is_a_memory_error(codec, image, monkeypatch):
    def full(*_):
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes")

    monkeypatch.setattr(coding_steps, "analyze", full)
    with pytest.raises(MemoryError, match="not enough device memory"):
        codec.compress(image)
