import pytest

from train.plan.accelerators.topology import parse_topology


@pytest.mark.parametrize(
    ("text", "slices", "size", "name"),
    [
        ("v5e:4x4", 1, 16, "v5e:4x4"),
        ("v5p:2x2x4", 2, 32, "2 slices of v5p:2x2x4"),
        ("v6e:1x1", 1, 1, "v6e:1x1"),
        ("h100:8", 1, 8, "h100:8"),
        ("h200:16", 1, 16, "h200:16"),
    ],
)
def test_names_of_topologies(text, slices, size, name):
    topology = parse_topology(text, slices)
    assert topology.size == size
    assert str(topology) == name
    assert topology.chip.name == text.partition(":")[0]


@pytest.mark.parametrize(
    ("text", "slices", "said"),
    [
        ("v5e", 1, "v5e:4x4"),
        ("v5e:", 1, "is not a topology"),
        ("v5e:4x0", 1, "is not a topology"),
        ("v9:4x4", 1, "v5e, v5p"),
        ("v5e:2x2x2", 1, "2 sides"),
        ("v5p:4x4", 1, "v5p:2x2x2"),
        ("h100:2x4", 1, "number of GPUs"),
        ("h100:12", 1, "multiple"),
        ("h100:8", 2, "for TPUs"),
        ("v5e:4x4", 0, "--num-slices"),
    ],
)
def test_what_is_no_topology_is_refused(text, slices, said):
    with pytest.raises(ValueError, match=said):
        parse_topology(text, slices)
