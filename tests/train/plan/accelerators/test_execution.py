from train.plan.accelerators.execution import executed, unknown_loops
from train.plan.accelerators.program import read_program

LOOP = """HloModule jit_f, is_scheduled=true

%body (state: (s32[], f32[4,8])) -> (s32[], f32[4,8]) {
  %state = (s32[]{:T(128)}, f32[4,8]{1,0}) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%state), index=0
  %x = f32[4,8]{1,0:T(4,128)S(1)} get-tuple-element(%state), index=1
  %y = f32[4,8]{1,0:T(4,128)S(1)} negate(%x), metadata={op_name="jit(f)/while/body/shard_map/neg"}
  ROOT %next = (s32[]{:T(128)}, f32[4,8]{1,0}) tuple(%i, %y)
}

%condition (state.1: (s32[], f32[4,8])) -> pred[] {
  %state.1 = (s32[], f32[4,8]{1,0}) parameter(0)
  %limit = s32[] constant(9)
  %count = s32[] get-tuple-element(%state.1), index=0
  ROOT %more = pred[] compare(%count, LIMIT), direction=LT
}

ENTRY %main (p: f32[4,8]) -> f32[4,8] {
  %p = f32[4,8]{1,0} parameter(0), metadata={op_name="x"}
  %zero = s32[] constant(2)
  %start = (s32[], f32[4,8]{1,0}) tuple(%zero, %p)
  %loop = (s32[], f32[4,8]{1,0}) while(%start), condition=%condition, body=%body, backend_config={NOTED}
  ROOT %out = f32[4,8]{1,0} get-tuple-element(%loop), index=1
}
"""


def times(noted="", limit="%limit"):
    program = read_program(LOOP.replace("NOTED", noted).replace("LIMIT", limit))
    return [e.times for e in executed(program) if e.instruction.operation == "negate"], unknown_loops(program)


def test_a_loop_runs_as_often_as_the_compiler_noted():
    assert times('"known_trip_count":{"n":"5"}') == ([5], 0)


def test_a_loop_without_a_note_counts_from_its_first_value_to_its_limit():
    assert times() == ([9 - 2], 0)


def test_a_loop_whose_limit_is_no_constant_is_told():
    assert times(limit="%state.1") == ([1], 1)


def test_calls_and_every_branch_run():
    program = read_program("""
%one (a: f32[2]) -> f32[2] {
  %a = f32[2]{0} parameter(0)
  ROOT %b = f32[2]{0} negate(%a)
}

%two (c: f32[2]) -> f32[2] {
  %c = f32[2]{0} parameter(0)
  ROOT %d = f32[2]{0} call(%c), to_apply=%one
}

ENTRY %main (p: f32[2], which: s32[]) -> f32[2] {
  %p = f32[2]{0} parameter(0)
  %which = s32[] parameter(1)
  ROOT %out = f32[2]{0} conditional(%which, %p, %p), branch_computations={%one, %two}
}
""")
    assert sum(e.instruction.operation == "negate" for e in executed(program)) == 2
