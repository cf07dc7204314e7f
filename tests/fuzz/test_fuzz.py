"""A few mutated files a run; `make fuzz` decodes a hundred thousand."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cca_jax.bitstream import container
from cca_jax.entropy_coding.errors import CodingError, CorruptError
from eval.runner.memory import with_peak
from tests.fuzz.fields import fields_of
from tests.fuzz.judge import FindingError, Judge
from tests.fuzz.mutators import Mutated, mutate

needs_peak = pytest.mark.skipif(with_peak(lambda: None)[1] is None, reason="the system does not tell the peak")
pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def judge():
    return Judge()


def test_fields_are_what_a_file_states(judge):
    """The packer is not the library's, so both follow the format."""
    assert len(judge.seeds) > 20
    for seed in judge.seeds:
        assert fields_of(seed.data).pack() == seed.data


def test_half_of_the_changes_of_fields_are_read_and_no_change_of_bytes(judge):
    """Else the fuzzer would only test the checksums."""
    files = [mutate(Random(number), judge.seeds) for number in range(400)]

    def is_read(mutated):
        try:
            container.read(mutated.data)
        except CodingError:
            return False
        return True

    read = [is_read(mutated) for mutated in files if not mutated.damaged]
    assert 0.3 < np.mean(read) < 0.9
    assert not any(is_read(mutated) for mutated in files if mutated.damaged and mutated.data != mutated.seed.data)


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False))
def test_a_mutated_file_is_decoded_or_refused(judge, random):
    judge.judge(mutate(random, judge.seeds))


@pytest.mark.parametrize("coder", ["tensorflow", "constriction"])
def test_every_single_bit_of_a_file_is_covered(judge, coder):
    """All bits of the header and every seventh after it, through the decoder itself."""
    (seed,) = (seed for seed in judge.seeds if seed.name == f"context_v3_q62.5_tiles_{coder}.cca")
    header = container.read_header(seed.data).size
    for bit in [*range(8 * header), *range(8 * header, 8 * len(seed.data), 7)]:
        changed = bytearray(seed.data)
        changed[bit // 8] ^= 1 << bit % 8
        assert judge.judge(Mutated(bytes(changed), seed, "bit", damaged=True)) != "pixels"


def _fails(data):
    return 1 / 0


def _takes_a_change_for_pixels(data):
    return np.zeros((2, 2, 3), np.uint8)


def _says_two_lines(data):
    raise CorruptError("two\nlines")


def _takes_memory(data):
    held = np.ones(500 << 20, np.uint8)
    raise CorruptError(f"after {len(held)} bytes")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (_fails, "ZeroDivisionError"),
        (_takes_a_change_for_pixels, "pixels from a file that was changed"),
        (_says_two_lines, "more than a line"),
        pytest.param(_takes_memory, "took 5.* bytes", marks=needs_peak),
    ],
)
def test_the_judge_sees_what_must_not_be(judge, monkeypatch, answer, message):
    seed = judge.seeds[0]
    assert judge.judge(Mutated(seed.data, seed, "nothing", damaged=False)) == "pixels"
    changed = bytearray(seed.data)
    changed[-1] ^= 1
    monkeypatch.setattr(judge._by_seed[seed.name], "decompress", answer)
    with pytest.raises(FindingError, match=message):
        judge.judge(Mutated(bytes(changed), seed, "flip_bits", damaged=True))
