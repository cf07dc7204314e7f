"""Checkpoints as people have them become the weights that they are, or a line that says why not; without torch."""

import numpy as np
import pytest
from torch_files import Call, Global, Stored, bfloat16, legacy_file, zip_file

from cca_jax.bundles.bundle import load_bundle
from cca_jax.convert.checkpoint import convert_checkpoint, read_checkpoint
from cca_jax.model.parameters.shapes import flatten

FIRST = "g_a.down.0.weight"


@pytest.fixture
def read(micro, tmp_path):
    """Reads a checkpoint of that content; the parameters and what is said of other weights."""

    def call(content, key=None, write=zip_file, **options):
        (tmp_path / "c.pth.tar").write_bytes(content if isinstance(content, bytes) else write(content))
        return read_checkpoint(tmp_path / "c.pth.tar", micro, key, **options)

    return call


@pytest.fixture
def same(micro_params):
    def check(params, convert=lambda array: array):
        found, expected = flatten(params), flatten(micro_params)
        assert found.keys() == expected.keys()
        for name, array in found.items():
            np.testing.assert_array_equal(array, convert(np.asarray(expected[name])), err_msg=name)

    return check


def prefixed(arrays, prefix):
    return {prefix + name: array for name, array in arrays.items()}


@pytest.mark.parametrize("write", [zip_file, legacy_file])
def test_a_training_checkpoint_becomes_a_bundle(arrays, write, preset, micro_params, tmp_path):
    """What the released training saves: a scheduler's Counter, optimizers, tensors that nobody needs."""
    adam = {"state": {0: {"step": np.ones((), np.float32), "exp_avg": arrays[FIRST]}}, "param_groups": [{"lr": 1e-4}]}
    content = {
        "epoch": 3,
        "state_dict": prefixed(arrays, "module."),
        "loss": Call(Global("numpy.core.multiarray", "scalar"), (Call(Global("numpy", "dtype"), ("f8",)), b"\0" * 8)),
        "optimizer": adam,
        "lr_scheduler": {"milestones": Call(Global("collections", "Counter"), ({40: 1, 60: 1},)), "gamma": 0.1},
        "args": Call(
            Global("argparse", "Namespace"), (), {"lmbda": 0.05, "device": Call(Global("torch", "device"), ("cpu",))}
        ),
        "best": Call(Global("collections", "defaultdict"), (Global("builtins", "list"),)),
        "shape": Call(Global("torch", "Size"), ((1, 3),)),
        "dtype": Global("torch", "float32"),
    }
    (tmp_path / "best.pth.tar").write_bytes(write(content))
    assert convert_checkpoint(tmp_path / "best.pth.tar", tmp_path / "out", preset) is None
    found = flatten(load_bundle(tmp_path / "out").params)
    expected = {k: v for k, v in flatten(micro_params).items() if not k.startswith("auxiliary/")}
    assert found.keys() == expected.keys()
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize(
    ("place", "prefix"),
    [
        ((), ""),
        (("state_dict",), "module."),
        (("model",), "_orig_mod.module."),
        (("model_state_dict",), "module._orig_mod."),
        (("net",), "net."),
        (("params",), ""),
        (("state_dict",), "model."),  # Lightning's
        (("state_dict",), "model.module._orig_mod.net."),
        (("checkpoint", "weights", "model"), ""),
    ],
)
def test_weights_are_found_wherever_they_lie(read, same, arrays, place, prefix):
    content = prefixed(arrays, prefix)
    for key in reversed(place):
        content = {"epoch": 1, key: content}
    params, note = read(content)
    same(params)
    assert note is None


def test_a_wrapper_within_the_model(read, same, arrays):
    same(read({name.replace("g_a.", "g_a._orig_mod.", 1): array for name, array in arrays.items()})[0])


def test_a_whole_module_is_read_without_its_code(read, same, arrays):
    def module(entries):
        own = {name: value for name, value in entries.items() if "." not in name}
        inner = {name.split(".")[0] for name in entries if "." in name}
        parts = {
            part: module({n[len(part) + 1 :]: v for n, v in entries.items() if n.startswith(f"{part}.")})
            for part in inner
        }
        state = {"training": True, "_parameters": own, "_buffers": {}, "_modules": parts}
        return Call(Global("models.vae", "LICAutoencoder"), (), state)

    same(read({"model": module(arrays)})[0])


def averaged(arrays):
    return {name: array + 1 for name, array in arrays.items()}


@pytest.mark.parametrize(
    ("content", "raw", "ema"),
    [
        (lambda a: {"state_dict": a, "ema": averaged(a)}, "state_dict", "ema"),
        (lambda a: {"params_ema": averaged(a), "params": a}, "params", "params_ema"),
        (lambda a: {"ema": {"decay": 0.99, "shadow": averaged(a)}, "net": a}, "net", "ema.shadow"),
        (
            lambda a: {"state_dict": {**prefixed(a, "model."), **prefixed(averaged(a), "ema_model.module.")}},
            "state_dict.model",
            "state_dict.ema_model.module",
        ),
    ],
)
def test_raw_weights_are_taken_unless_the_average_is_named(read, same, arrays, content, raw, ema):
    params, note = read(content(arrays))
    same(params)
    assert note == f"took the weights '{raw}'; --weights takes others: {ema}"
    for key in (ema, ema.split(".")[-1]):
        params, note = read(content(arrays), key)
        np.testing.assert_array_equal(params["analysis"]["down_0"]["bias"], arrays["g_a.down.0.bias"] + 1)
        assert note == f"took the weights '{ema}'; --weights takes others: {raw}"


def test_which_of_two_has_to_be_said(read, same, arrays):
    content = {"student": arrays, "teacher": averaged(arrays)}
    with pytest.raises(ValueError, match=r"holds 2 sets of weights \(student, teacher\): say which with --weights KEY"):
        read(content)
    with pytest.raises(ValueError, match="none of them is 'ema'"):
        read(content, "ema")
    same(read(content, "student")[0])


def test_an_average_alone_is_taken(read, same, arrays):
    same(read({"ema": {"decay": 0.999, "module": arrays}})[0])


@pytest.mark.parametrize(
    ("store", "value"),
    [
        (lambda a: a.astype(np.float16), lambda a: a.astype(np.float16)),
        (bfloat16, lambda a: (bfloat16(a).astype(np.uint32) << 16).view(np.float32)),
        (lambda a: a.astype(np.float64), lambda a: a),
    ],
)
def test_other_floats_become_float32(read, same, arrays, store, value):
    params, _ = read({name: store(array) for name, array in arrays.items()})
    same(params, value)
    assert params["analysis"]["down_0"]["kernel"].dtype == np.float32


@pytest.mark.parametrize("write", [zip_file, legacy_file])
def test_views_of_one_storage_and_transposed_strides(read, same, arrays, write):
    """All weights in one row of numbers, each with its last axis first."""
    offsets, rows, views = 0, [], {}
    for name, array in arrays.items():
        rows.append(np.moveaxis(array, -1, 0).ravel())
        strides = np.moveaxis(np.empty(np.moveaxis(array, -1, 0).shape, np.int8), 0, -1).strides
        views[name] = (offsets, array.shape, strides)
        offsets += array.size
    row = np.concatenate(rows)
    same(read({name: Stored(row, *view) for name, view in views.items()}, write=write)[0])


def test_numpy_arrays_in_place_of_tensors(read, same, arrays):
    reconstruct, dtype = (
        Global("numpy.core.multiarray", "_reconstruct"),
        Call(Global("numpy", "dtype"), ("f4", False, True), (3, "<")),
    )

    def pickled(array):
        begun = (Global("numpy", "ndarray"), (0,), b"b")
        return Call(reconstruct, begun, (1, array.shape, dtype, False, array.tobytes()))

    same(read({name: pickled(array) for name, array in arrays.items()})[0])


def test_the_auxiliary_model_can_be_left_out(read, arrays):
    assert "auxiliary" in read(arrays)[0]
    assert "auxiliary" not in read(arrays, auxiliary=False)[0]


def changed(arrays, value, name=FIRST):
    return {**arrays, name: value}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: changed(a, a[FIRST][..., :3].copy()),
            r"g_a\.down\.0\.weight has shape \(4, 3, 5, 3\), the configuration needs \(4, 3, 5, 5\)",
        ),
        (
            lambda a: changed(a, np.full_like(a[FIRST], np.nan)),
            r"g_a\.down\.0\.weight holds numbers that are not finite",
        ),
        (
            lambda a: changed(a, a[FIRST] * np.float32(np.inf)),
            r"g_a\.down\.0\.weight holds numbers that are not finite",
        ),
        (lambda a: changed(a, a[FIRST].astype(np.int64)), r"g_a\.down\.0\.weight is of int64 numbers"),
        (lambda a: changed(a, np.float32([1]), "g_a.down.9.bias"), r"has unknown g_a\.down\.9\.bias"),
        (lambda a: changed(a, np.float32([1]), "discriminator.bias"), r"has unknown discriminator\.bias"),
        (lambda a: {k: v for k, v in a.items() if k != FIRST}, r"lacks g_a\.down\.0\.weight"),
        (
            lambda a: changed(a, Call(Global("torch._utils", "_rebuild_sparse_tensor"), (1,))),
            r"g_a\.down\.0\.weight is a torch\._utils\._rebuild_sparse_tensor, not a plain tensor",
        ),
        (
            lambda a: {"model": Call(Global("their.code", "Net"), (), {"layers": 3})},
            r"holds no weights of a CCA model, but objects of their\.code\.Net",
        ),
        (lambda a: {"epoch": 3}, "holds no weights of a CCA model: give a checkpoint"),
        (lambda a: {**a, "g_a._orig_mod.down.0.weight": a[FIRST]}, r"has g_a\.down\.0\.weight twice"),
    ],
)
def test_what_cannot_be_taken_is_named(read, arrays, change, message):
    with pytest.raises(ValueError, match=rf"c\.pth\.tar: .*{message}"):
        read(change(arrays))


def test_shapes_are_compared_before_numbers_are_read(read, arrays):
    """A view that would take terabytes is refused by its shape."""
    with pytest.raises(ValueError, match=r"has shape \(1099511627776, 4\)"):
        read(changed(arrays, Stored(np.zeros(4, np.float32), 0, (1 << 40, 4), (0, 1))))


@pytest.mark.parametrize(
    "view", [(1, (4, 3, 5, 5), (75, 25, 5, 1)), (0, (4, 3, 5, 5), (75, 25, 5, 2)), (0, (4, 3, 5, 5), (-1, 25, 5, 1))]
)
def test_a_view_beyond_its_storage_is_damage(read, arrays, view):
    with pytest.raises(ValueError, match=r"g_a\.down\.0\.weight lies outside of its storage of 300 numbers"):
        read(changed(arrays, Stored(np.zeros(300, np.float32), *view)))


def test_nothing_is_written_when_it_does_not_fit(arrays, preset, tmp_path):
    (tmp_path / "part.pth").write_bytes(zip_file({k: v for k, v in arrays.items() if k != FIRST}))
    with pytest.raises(ValueError, match=r"lacks g_a\.down\.0\.weight"):
        convert_checkpoint(tmp_path / "part.pth", tmp_path / "out", preset)
    assert not (tmp_path / "out").exists()


def test_a_configuration_that_the_released_code_has_not(arrays, micro_lite, tmp_path):
    (tmp_path / "c.pth").write_bytes(zip_file(arrays))
    with pytest.raises(ValueError, match="the released code has no model of this kind"):
        read_checkpoint(tmp_path / "c.pth", micro_lite)
