"""Weights are found wherever a checkpoint holds them, and which of several are taken; without torch."""

import numpy as np
import pytest
from torch_files import Call, Global


def prefixed(arrays, prefix):
    return {prefix + name: array for name, array in arrays.items()}


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
