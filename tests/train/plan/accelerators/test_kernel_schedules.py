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
        f"  {at:#x} {label:>2}: {'>' * depth:2} {{ {text} }}" for at, (label, depth, text) in enumerate(rows)
    )


def row(depth=0, text="%1 = smov 0"):
    return "", depth, text


def first(depth, region, label="LB"):
    """Of a loop."""
    return label, depth, f"%s7_s1 = sphi 0, %s8_s2 }} /* Start region {region + 1} :: Start region {region} */"


def last(depth, region, turns):
    """Bundles of a loop: the test, a branch within it, and the branch back, which is noted with the depth outside."""
    test = f"%p9_p0 = scmp.ge.s32.totalorder %s7_s1, {turns} /* loop exit test */  ;;  %2 = smov 1"
    elsewhere = row(depth, "%3 = sbr.rel (%p1_p1) target = $region99")
    return [row(depth, test), elsewhere, row(depth - 1, f"%4 = sbr.rel (!%p9_p0) target = $region{region}")]


@pytest.mark.parametrize(
    ("rows", "cycles"),
    [
        ([row(), row(), row()], 3),
        ([row(), first(1, 5), row(1), *last(1, 5, 6), row()], 2 + (2 + 3) * 6),
        # Bundles of a loop that are noted with the depth outside.
        ([first(1, 5), row(0), row(1), *last(1, 5, 6)], (3 + 3) * 6),
        ([first(1, 5), first(2, 8), *last(2, 8, 4), *last(1, 5, 3), row()], 1 + (4 + 4 * 4) * 3),
        # A header before the body, to which the loop turns back.
        ([row(), first(1, 5, "LH"), row(1), *last(1, 5, 6), row()], 2 + (2 + 3) * 6),
        # One loop right behind another, at the outermost depth and within one.
        ([first(1, 5), *last(1, 5, 2), first(1, 8), *last(1, 8, 7)], 4 * 2 + 4 * 7),
        ([first(1, 5), first(2, 8), *last(2, 8, 2), first(2, 6), *last(2, 6, 3), *last(1, 5, 9)], (4 + 8 + 12) * 9),
    ],
)
def test_bundles_count_as_often_as_their_loops_turn(rows, cycles):
    assert cycles_of_bundles(bundles(*rows)) == (cycles, 0)


@pytest.mark.parametrize("test", ["%p9_p0 = scmp.ge.s32.totalorder %s7_s1, %s8_s2 /* loop exit test */", "%1 = smov 0"])
def test_a_loop_of_unknown_length_turns_once_and_is_told_of(test):
    back = row(1, "%4 = sbr.rel (!%p9_p0) target = $region5")
    assert cycles_of_bundles(bundles(row(), first(1, 5), row(1, test), back, row())) == (5, 1)


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
    (tmp_path / "18-last-03-final_bundles.txt").write_text(bundles(row(), first(1, 5), *last(1, 5, 9)))
    (tmp_path / "17-inner-00-schedule-analysis_final_bundles.txt").write_text("Schedule analysis:\n")
    (tmp_path / "19-TLP-00-deduplication-map.txt").write_text(
        "key:inner\nordinal:1\nequivalent_hlos[size=1]:\n  again\n"
    )
    assert scheduled(PROGRAM, tmp_path) == (6 * 5 + 5 + (1 + 4 * 9), 0)


def test_a_compiler_that_writes_no_schedules_is_told_of(tmp_path):
    with pytest.raises(ValueError, match="writes no schedules"):
        scheduled(PROGRAM, tmp_path)


def test_a_kernel_without_a_schedule_is_told_of(tmp_path):
    (tmp_path / "17-inner-01-final_bundles.txt").write_text(bundles(row()))
    assert scheduled(PROGRAM, tmp_path) == (6, 2)


def test_what_the_compiler_was_asked_for_before_stays(monkeypatch):
    monkeypatch.setenv("LIBTPU_INIT_ARGS", "--before=1")
    with schedules_written() as folder:
        assert os.environ["LIBTPU_INIT_ARGS"].startswith(f"--before=1 --xla_jf_dump_to={folder} ")
    assert os.environ["LIBTPU_INIT_ARGS"] == "--before=1"
    assert not folder.exists()
