import os

import pytest

from train.plan.accelerators.kernel_schedules import cycles_of_bundles, scheduled, schedules_written
from train.plan.accelerators.program import read_program

LEGEND = """= control target key start
LH: loop header
LB: loop body
= control target key end

"""


def bundles(*rows):
    """A schedule as a compiler writes it: of each row the label, the depth and what stands in the bundle."""
    return LEGEND + "\n".join(
        f"  {at:#x} {label:3} {'>' * depth:2} {{ {text} }}" for at, (label, depth, text) in enumerate(rows)
    )


def row(depth=0, label="", text="%1 = smov 0"):
    return label, depth, text


def last(turns, depth):
    return row(depth, text=f"%p_p0 = scmp.ge.s32.totalorder %s7_s1, {turns} /* loop exit test */  ;;  %2 = smov 1")


@pytest.mark.parametrize(
    ("rows", "cycles"),
    [
        ([row(), row(), row()], 3),
        ([row(), row(1, "LB:"), row(1), last(5, 1), row()], 2 + 3 * 5),
        ([row(), row(1, "LB:"), row(2, "LB:"), last(4, 2), last(3, 1), row()], 2 + (2 + 2 * 4) * 3),
        # One loop right behind another, at the outermost depth and within one.
        ([row(1, "LB:"), last(2, 1), row(1, "LB:"), last(7, 1)], 2 * 2 + 2 * 7),
        ([row(1, "LB:"), row(2, "LB:"), last(2, 2), row(2, "LB:"), last(3, 2), last(10, 1)], 10 * (2 + 4 + 6)),
        # What is jumped over counts, and is not taken for a loop.
        ([row(), row(0, "PF:"), row(), row(1, "LB:"), row(1, "PF:"), last(2, 1)], 3 + 3 * 2),
    ],
)
def test_bundles_count_as_often_as_their_loops_turn(rows, cycles):
    assert cycles_of_bundles(bundles(*rows)) == (cycles, 0)


def test_a_loop_of_unknown_length_turns_once_and_is_told_of():
    unknown = row(1, text="%p_p0 = scmp.ge.s32.totalorder %s7_s1, %s8_s2 /* loop exit test */")
    assert cycles_of_bundles(bundles(row(), row(1, "LB:"), unknown, row())) == (4, 1)


PROGRAM = read_program("""HloModule m, entry_computation_layout={()->f32[8]{0}}

%one (p: f32[8]) -> f32[8] {
  %p = f32[8]{0} parameter(0)
  ROOT %n = f32[8]{0} negate(%p)
}

%body (b: f32[8]) -> f32[8] {
  %b = f32[8]{0} parameter(0)
  ROOT %inner = f32[8]{0} fusion(%b), kind=kLoop, calls=%one
}

%condition (c: f32[8]) -> pred[] {
  %c = f32[8]{0} parameter(0)
  ROOT %less = pred[] constant(true)
}

ENTRY %main (x: f32[8]) -> f32[8] {
  %x = f32[8]{0} parameter(0)
  %turned = f32[8]{0} while(%x), condition=%condition, body=%body, backend_config={"known_trip_count":{"n":"6"}}
  %again = f32[8]{0} fusion(%turned), kind=kLoop, calls=%one
  ROOT %last = f32[8]{0} fusion(%again), kind=kLoop, calls=%one
}
""")


def test_kernels_count_as_often_as_they_run_and_those_alike_by_the_one_that_was_compiled(tmp_path):
    (tmp_path / "17-inner-01-final_bundles.txt").write_text(bundles(*[row()] * 5))
    (tmp_path / "18-last-03-final_bundles.txt").write_text(bundles(row(), row(1, "LB:"), last(9, 1)))
    (tmp_path / "17-inner-00-schedule-analysis_final_bundles.txt").write_text("Schedule analysis:\n")
    (tmp_path / "19-TLP-00-deduplication-map.txt").write_text(
        "key:inner\nordinal:1\nequivalent_hlos[size=1]:\n  again\n"
    )
    assert scheduled(PROGRAM, tmp_path) == (6 * 5 + 5 + (1 + 2 * 9), 0)


def test_a_kernel_without_a_schedule_is_told_of(tmp_path):
    (tmp_path / "17-inner-01-final_bundles.txt").write_text(bundles(row()))
    assert scheduled(PROGRAM, tmp_path) == (6, 2)


def test_what_the_compiler_was_asked_for_before_stays(monkeypatch):
    monkeypatch.setenv("LIBTPU_INIT_ARGS", "--before=1")
    with schedules_written() as folder:
        assert os.environ["LIBTPU_INIT_ARGS"].startswith(f"--before=1 --xla_jf_dump_to={folder} ")
    assert os.environ["LIBTPU_INIT_ARGS"] == "--before=1"
    assert not folder.exists()
