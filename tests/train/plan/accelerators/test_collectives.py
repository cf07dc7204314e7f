import pytest

from train.plan.accelerators.collectives import collectives
from train.plan.accelerators.program import read_program


def exchange(line, group_of):
    text = f"ENTRY %main () -> f32[] {{\n  %a = f32[1000]{{0}} parameter(0)\n  {line}\n}}"
    return collectives(read_program(text), group_of)


REDUCE = "ROOT %r = f32[1000]{0} all-reduce(%a), replica_groups=GROUPS, to_apply=%add"


@pytest.mark.parametrize(
    "groups", ["{{0,1,2,3}}", "{}", "[1,4]<=[4]", "[1,4]<=[2,2]T(1,0)", "mesh['x'=2,'y'=2] {'x','y'}"]
)
def test_an_all_reduce_sends_its_array_almost_twice(groups):
    (found,) = exchange(REDUCE.replace("GROUPS", groups), [0] * 4)
    assert (found.kind, found.bytes, found.devices, found.groups) == ("all-reduce", 4000, 4, 1)
    assert found.sent == 2 * 4000 * 3 / 4
    assert found.sent_between == 0


@pytest.mark.parametrize(
    ("groups", "crossing"),
    [("{{0,2},{1,3}}", 2), ("[2,2]<=[2,2]T(1,0)", 2), ("[2,2]<=[4]", 1), ("mesh['x'=2,'y'=2] {'x'}", 2)],
)
def test_members_of_a_group_say_whether_slices_are_crossed(groups, crossing):
    (found,) = exchange(REDUCE.replace("GROUPS", groups), [0, 0, 1, 1])
    assert (found.devices, found.groups) == (2, crossing)


def test_between_slices_each_device_sends_a_share():
    (found,) = exchange(REDUCE.replace("GROUPS", "{{0,1,2,3}}"), [0, 0, 1, 1])
    assert found.sent == 2 * 4000 / 2  # two devices within a slice
    assert found.sent_between == 2 * 4000 / 2 / 2  # two slices, each of whose two devices sends half


def test_an_all_gather_and_its_inverse_send_the_whole_once():
    gather = "ROOT %g = (f32[1000]{0}, f32[4000]{0}) all-gather-start(%a), replica_groups={{0,1,2,3}}, dimensions={0}"
    (found,) = exchange(gather, [0] * 4)
    assert (found.kind, found.bytes, found.sent) == ("all-gather", 16000, 16000 * 3 / 4)
    scatter = "ROOT %s = f32[250]{0} reduce-scatter(%a), replica_groups={{0,1,2,3}}, dimensions={0}, to_apply=%add"
    (found,) = exchange(scatter, [0] * 4)
    assert (found.kind, found.bytes, found.sent) == ("reduce-scatter", 4000, 4000 * 3 / 4)


def test_a_permutation_sends_its_array():
    line = "ROOT %p = f32[1000]{0} collective-permute(%a), source_target_pairs={{0,1},{1,0}}"
    (found,) = exchange(line, [0, 0])
    assert found.sent == 4000


def test_groups_of_one_exchange_nothing():
    assert exchange(REDUCE.replace("GROUPS", "{{0},{1}}"), [0, 0]) == []


def test_an_exchange_that_a_chain_of_fusions_carries_counts_once():
    inner = """
%NAME (x: f32[1000]) -> f32[4000] {
  %x = f32[1000]{0} parameter(0)
  ROOT %g = f32[4000]{0} all-gather(%x), replica_groups={{0,1,2,3}}, frontend_attributes={chain_id="CHAIN"}
}
"""
    names = {"begins": "7", "works": "7", "ends": "7", "another": "8"}
    calls = [f"  %{name} = f32[4000]{{0}} fusion(%a), kind=kLoop, calls=%{name}_" for name in names]
    text = "".join(inner.replace("NAME", f"{name}_").replace("CHAIN", chain) for name, chain in names.items())
    entry = ["ENTRY %main (a: f32[1000]) -> f32[4000] {", "  %a = f32[1000]{0} parameter(0)", *calls, "}"]
    found = collectives(read_program(text + "\n".join(entry)), [0] * 4)
    assert [(one.kind, one.bytes, one.times) for one in found] == [("all-gather", 16000, 1)] * 2


def test_what_a_fusion_adds_up_and_keeps_a_part_of_is_a_reduce_scatter():
    program = read_program("""
%all-reduce-scatter (p: f32[1000]) -> f32[250] {
  %p = f32[1000]{0} parameter(0)
  %sum = f32[1000]{0} all-reduce(%p), replica_groups={{0,1,2,3}}, to_apply=%add
  %c = s32[] constant(0)
  ROOT %own = f32[250]{0} dynamic-slice(%sum, %c), dynamic_slice_sizes={250}
}

ENTRY %main (a: f32[1000]) -> f32[250] {
  %a = f32[1000]{0} parameter(0)
  ROOT %f = f32[250]{0} fusion(%a), kind=kCustom, calls=%all-reduce-scatter
}
""")
    (found,) = collectives(program, [0] * 4)
    assert (found.kind, found.sent) == ("reduce-scatter", 4000 * 3 / 4)


def test_what_is_sent_to_the_runtime_between_slices():
    line = (
        "ROOT %s = (f32[1000]{0}, u32[], token[]) send(%a), is_host_transfer=true, "
        'frontend_attributes={_xla_megascale_target="{1,2}x{0:3}",_xla_megascale_transfer_type="ALL_REDUCE"}'
    )
    (found,) = exchange(line, [0, 0, 1, 1])
    assert (found.kind, found.bytes, found.devices, found.groups) == ("all-reduce", 4000, 2, 2)
    assert found.sent == 0
    assert found.sent_between == 2 * 4000 / 2
