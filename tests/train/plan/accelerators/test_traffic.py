import pytest

from train.plan.accelerators.program import read_program
from train.plan.accelerators.traffic import kernels, largest, main_memory_bytes


def program(entry, *computations):
    """An entry of instructions, after computations that are given whole."""
    return read_program("\n\n".join([*computations, "ENTRY %main () -> f32[] {\n" + entry + "\n}"]))


def test_a_kernel_reads_its_operands_and_writes_its_result():
    lines = """  %a = f32[8,4]{1,0} parameter(0)
  %b = bf16[8,4]{1,0} parameter(1)
  ROOT %sum = f32[8,4]{1,0} add(%a, %b)"""
    assert main_memory_bytes(program(lines)) == 128 + 64 + 128


def test_on_chip_memory_costs_nothing():
    lines = """  %a = f32[8,4]{1,0} parameter(0)
  %copy = (f32[8,4]{1,0:S(1)}, f32[8,4]{1,0}, u32[]{:S(2)}) copy-start(%a)
  %near = f32[8,4]{1,0:S(1)} copy-done(%copy)
  %twice = f32[8,4]{1,0:S(1)} add(%near, %near)
  %back = (f32[8,4]{1,0}, f32[8,4]{1,0:S(1)}, u32[]{:S(2)}) copy-start(%twice)
  ROOT %far = f32[8,4]{1,0} copy-done(%back)"""
    assert [(k.operation, k.bytes) for k in kernels(program(lines))] == [("copy-start", 128), ("copy-start", 128)]


def test_slices_read_what_they_take():
    lines = """  %a = f32[100,4]{1,0} parameter(0)
  %i = s32[]{:S(2)} parameter(1)
  %c = s32[]{:S(2)} constant(0)
  %s = f32[2,4]{1,0} slice(%a), slice={[0:2], [0:4]}
  %near = ((f32[100,4]{1,0}), f32[3,4]{1,0:S(1)}, s32[]{:S(2)}) slice-start(%a), slice={[0:3], [0:4]}
  ROOT %d = f32[1,4]{1,0} dynamic-slice(%a, %i, %c), dynamic_slice_sizes={1,4}"""
    assert [k.bytes for k in kernels(program(lines))] == [2 * 32, 48, 2 * 16]


FUSED_SLICE = """%inner (stack: f32[100,4], i: s32[], x: f32[1,4]) -> f32[1,4] {
  %stack = f32[100,4]{1,0} parameter(0)
  %i = s32[]{:S(2)} parameter(1)
  %x = f32[1,4]{1,0} parameter(2)
  %c = s32[] constant(0)
  %view = f32[100,4]{1,0} bitcast(%stack)
  %one = f32[1,4]{1,0} dynamic-slice(%view, %i, %c), dynamic_slice_sizes={1,4}
  ROOT %y = f32[1,4]{1,0} add(%one, %x)
}"""


@pytest.mark.parametrize("trips", [1, 100])
def test_a_fusion_in_a_loop_reads_a_slice_of_a_stack_each_turn(trips):
    body = """%body (t: (s32[], f32[100,4], f32[1,4])) -> (s32[], f32[100,4], f32[1,4]) {
  %t = (s32[]{:S(2)}, f32[100,4]{1,0}, f32[1,4]{1,0}) parameter(0)
  %i.1 = s32[]{:S(2)} get-tuple-element(%t), index=0
  %stack.1 = f32[100,4]{1,0} get-tuple-element(%t), index=1
  %x.1 = f32[1,4]{1,0} get-tuple-element(%t), index=2
  %f = f32[1,4]{1,0} fusion(%stack.1, %i.1, %x.1), kind=kLoop, calls=%inner
  ROOT %r = (s32[]{:S(2)}, f32[100,4]{1,0}, f32[1,4]{1,0}) tuple(%i.1, %stack.1, %f)
}"""
    lines = """  %p = (s32[]{:S(2)}, f32[100,4]{1,0}, f32[1,4]{1,0}) parameter(0)
  ROOT %w = (s32[]{:S(2)}, f32[100,4]{1,0}, f32[1,4]{1,0}) while(%p), condition=%c, body=%body, """
    lines += f'backend_config={{"known_trip_count":{{"n":"{trips}"}}}}'
    found = kernels(program(lines, FUSED_SLICE, body))
    assert [(k.bytes, k.times) for k in found] == [(3 * 16, trips)]


def test_more_slices_than_the_whole_count_as_the_whole():
    inner = """%inner (a: f32[4]) -> f32[3] {
  %a = f32[4]{0} parameter(0)
  %x = f32[3]{0} slice(%a), slice={[0:3]}
  %y = f32[3]{0} slice(%a), slice={[1:4]}
  ROOT %z = f32[3]{0} add(%x, %y)
}"""
    lines = "  %p = f32[4]{0} parameter(0)\n  ROOT %f = f32[3]{0} fusion(%p), kind=kLoop, calls=%inner"
    assert main_memory_bytes(program(lines, inner)) == 16 + 12


def test_an_update_in_place_writes_the_update():
    inner = """%inner (stack: f32[100,4], x: f32[1,4], i: s32[]) -> (f32[100,4], f32[1,4]) {
  %stack = f32[100,4]{1,0} parameter(0)
  %x = f32[1,4]{1,0} parameter(1)
  %i = s32[]{:S(2)} parameter(2)
  %c = s32[] constant(0)
  %y = f32[1,4]{1,0} negate(%x)
  %new = f32[100,4]{1,0} dynamic-update-slice(%stack, %y, %i, %c)
  %view = f32[100,4]{1,0} bitcast(%new)
  ROOT %both = (f32[100,4]{1,0}, f32[1,4]{1,0}) tuple(%view, %y)
}"""
    lines = """  %s = f32[100,4]{1,0} parameter(0)
  %x.1 = f32[1,4]{1,0} parameter(1)
  %i.1 = s32[]{:S(2)} parameter(2)
  %f = (f32[100,4]{1,0}, f32[1,4]{1,0}) fusion(%s, %x.1, %i.1), kind=kLoop, calls=%inner
  %g = f32[100,4]{1,0} get-tuple-element(%f), index=0
  ROOT %d = f32[100,4]{1,0} dynamic-update-slice(%g, %x.1, %i.1, %i.1)"""
    assert [k.bytes for k in kernels(program(lines, inner))] == [16 + 16 + 16, 2 * 16]


def test_an_update_whose_result_is_only_read_on_reads_the_stack():
    inner = """%inner (stack: f32[100,4], x: f32[1,4]) -> f32[100,4] {
  %stack = f32[100,4]{1,0} parameter(0)
  %x = f32[1,4]{1,0} parameter(1)
  %c = s32[] constant(0)
  %new = f32[100,4]{1,0} dynamic-update-slice(%stack, %x, %c, %c)
  ROOT %n = f32[100,4]{1,0} negate(%new)
}"""
    lines = """  %s = f32[100,4]{1,0} parameter(0)
  %x.1 = f32[1,4]{1,0} parameter(1)
  ROOT %f = f32[100,4]{1,0} fusion(%s, %x.1), kind=kLoop, calls=%inner"""
    assert main_memory_bytes(program(lines, inner)) == 1600 + 16 + 1600


def test_scratch_memory_of_a_library_and_named_memory_do_not_count():
    lines = """  %a = f32[8]{0} parameter(0)
  %conv = (f32[8]{0}, u8[4096]{0}) custom-call(%a), custom_call_target="__cudnn$convForward"
  ROOT %room = f32[1000]{0} custom-call(), custom_call_target="AllocateBuffer\""""
    assert main_memory_bytes(program(lines)) == 64


def test_the_largest_kernels_are_merged_by_where_they_come_from():
    lines = "  %a = f32[8]{0} parameter(0)\n" + "\n".join(
        f'  %n.{i} = f32[8]{{0}} negate(%a), metadata={{op_name="jit(f)/neg"}}' for i in range(3)
    )
    lines += '\n  ROOT %e = f32[8]{0} exponential(%a), metadata={op_name="jit(f)/exp"}'
    first, second = largest(kernels(program(lines)), 9)
    assert (first.label, first.times, first.total) == ("neg", 3, 192)
    assert (second.label, second.times, second.total) == ("exp", 1, 64)
    assert largest(kernels(program(lines)), 1) == [first]
