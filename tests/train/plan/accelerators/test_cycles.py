from train.plan.accelerators.cycles import estimated_cycles
from train.plan.accelerators.program import read_program

PROGRAM = """HloModule jit_f, is_scheduled=true

%body (state: (s32[], f32[8])) -> (s32[], f32[8]) {
  %state = (s32[], f32[8]{0}) parameter(0)
  %x = f32[8]{0} get-tuple-element(%state), index=1
  %y = f32[8]{0} negate(%x), backend_config={"window_config":{"estimated_cycles":"700","iteration_bounds":["1"]}}
  ROOT %next = (s32[], f32[8]{0}) tuple(%i, %y)
}

ENTRY %main (p: f32[8]) -> f32[8] {
  %p = f32[8]{0} parameter(0)
  %start = (s32[], f32[8]{0}) tuple(%zero, %p)
  %loop = (s32[], f32[8]{0}) while(%start), condition=%c, body=%body, backend_config={"known_trip_count":{"n":"5"}}
  %out = f32[8]{0} get-tuple-element(%loop), index=1
  ROOT %copied = f32[8]{0} copy(%out)NOTED
}
"""


def test_what_a_loop_repeats_counts_as_often():
    noted = ', backend_config={"window_config":{"estimated_cycles":"11"}}'
    assert estimated_cycles(read_program(PROGRAM.replace("NOTED", noted))) == 5 * 700 + 11


def test_a_compiler_that_notes_nothing_estimates_nothing():
    silent = PROGRAM.replace("NOTED", "").replace("estimated_cycles", "cycles")
    assert estimated_cycles(read_program(silent)) == 0
