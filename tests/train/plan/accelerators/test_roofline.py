import pytest

from train.plan.accelerators.chips import CHIPS, chip_of
from train.plan.accelerators.roofline import ARITHMETIC, MEMORY, NETWORK, roofline


def test_the_slowest_resource_bounds():
    chip = CHIPS["v5e"]
    bound = roofline(chip, operations=chip.peak / 10, traffic=chip.bandwidth / 2, sent=chip.interconnect / 4)
    assert bound.by == MEMORY
    assert bound.least == pytest.approx(0.5)
    assert bound.share_of_peak == pytest.approx(0.2)
    assert roofline(chip, operations=chip.peak, traffic=0).by == ARITHMETIC
    assert roofline(chip, operations=chip.peak, traffic=0).share_of_peak == pytest.approx(1)
    assert roofline(chip, 0, 0, sent_between=chip.network).by == NETWORK


def test_a_program_that_does_nothing_takes_no_time():
    assert roofline(CHIPS["h100"], 0, 0).least == 0
    assert roofline(CHIPS["h100"], 0, 0).share_of_peak == 0


def test_devices_are_known_by_what_jax_calls_them():
    assert chip_of("TPU v5 lite") is CHIPS["v5e"]
    assert chip_of("NVIDIA H200") is CHIPS["h200"]
    assert chip_of("cpu") is None
    assert chip_of("NVIDIA H100 80GB HBM3 MIG 1g.10gb") is None  # a seventh of one


def test_the_h200_is_an_h100_with_more_and_faster_memory():
    assert CHIPS["h200"].peak == CHIPS["h100"].peak
    assert CHIPS["h200"].bandwidth > CHIPS["h100"].bandwidth
    assert CHIPS["h200"].memory > CHIPS["h100"].memory
