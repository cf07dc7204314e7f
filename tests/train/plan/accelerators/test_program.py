import pytest

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
  ROOT %more = pred[] constant(true)
}

ENTRY %main (p: f32[4,8]) -> f32[4,8] {
  %p = f32[4,8]{1,0} parameter(0), metadata={op_name="x"}
  %zero = s32[] constant(0)
  %start = (s32[], f32[4,8]{1,0}) tuple(%zero, %p)
  %loop = (s32[], f32[4,8]{1,0}) while(%start), condition=%condition, body=%body, backend_config={TRIPS}
  ROOT %out = f32[4,8]{1,0} get-tuple-element(%loop), index=1
}
"""


def test_instructions_have_types_spaces_operands_and_labels():
    program = read_program(LOOP)
    assert program.entry == "main"
    y = program.computations["body"]["y"]
    assert (y.operation, y.operands, y.root) == ("negate", ("x",), False)
    assert [(buffer.bytes, buffer.space, buffer.text) for buffer in y.buffers] == [(128, 1, "f32[4,8]")]
    assert (y.bytes, y.in_main) == (128, 0)
    assert y.label == "while/body/neg"
    state = program.computations["body"]["state"]
    assert [buffer.bytes for buffer in state.buffers] == [4, 128]
    assert program.computations["body"].root.name == "next"


@pytest.mark.parametrize(
    ("kind", "size"), [("pred[9]", 9), ("bf16[3,5]", 30), ("f8e4m3fn[8]", 8), ("s4[3]", 2), ("f32[]", 4)]
)
def test_sizes_of_types(kind, size):
    program = read_program(f"ENTRY %main () -> {kind} {{\n  ROOT %c = {kind} constant({{...}})\n}}\n")
    assert program.computations["main"].root.bytes == size


def test_what_is_no_program_is_refused():
    with pytest.raises(ValueError, match="ENTRY"):
        read_program("%f (x: f32[]) -> f32[] {\n}\n")
