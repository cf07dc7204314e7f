"""Which optimizers a run may take: Adam as released, and those of optax, by name and options."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any

RELEASED = "adam"
"""The released recipe's; its own implementation is `train.step.optimizers.adam`."""

_ELEMENTWISE = (
    "adabelief", "adadelta", "adagrad", "adamax", "adamaxw", "adamw", "adan", "amsgrad", "lion", "nadam", "nadamw",
    "optimistic_gradient_descent", "radam", "rmsprop", "sgd", "sign_sgd", "signum", "yogi",
)  # fmt: skip
"""Treat every number alike, wherever it stands: what they make of a vector is what they make of its parts."""
_BY_ARRAY = ("adafactor", "fromage", "lamb", "lars", "novograd", "sm3")
"""Know the parameters as arrays: they take norms, rows or columns of each."""
_CONTRIB_ELEMENTWISE = ("ademamix", "adopt", "madgrad", "simplified_ademamix")
_CONTRIB_BY_ARRAY = ("muon",)

_RELEASED_OPTIONS = ("b1", "b2", "eps")
_NO_NUMBERS = ("learning_rate", "mask", "dtype", "numbers")
"""How the names of parameters end that no number says; the learning rate is the run's."""
_DECAYS = ("b1", "b2", "b3", "beta", "decay", "rho", "momentum", "adam_b1", "adam_b2")


def optimizer_names() -> list[str]:
    """All names that `--optimizer` takes with the optax that is installed."""
    names = (*_ELEMENTWISE, *_BY_ARRAY, *_CONTRIB_ELEMENTWISE, *_CONTRIB_BY_ARRAY)
    return sorted([RELEASED, *(name for name in names if _in_optax(name) is not None)])


def is_elementwise(name: str) -> bool:
    """Whether the optimizer may see all parameters as one vector."""
    return name == RELEASED or name in _ELEMENTWISE or name in _CONTRIB_ELEMENTWISE


def optax_factory(name: str) -> Callable[..., Any]:
    """The function of a learning rate and options that makes the transformation.

    Raises:
        ValueError: no such optimizer.
    """
    if name != RELEASED and name in optimizer_names():
        return _in_optax(name)
    raise _unknown(name)


def parse_optimizer_options(name: str, text: str) -> dict[str, float | bool | None]:
    """The options of an optimizer from "weight_decay=0.01,b2=0.95"; empty for none.

    Raises:
        ValueError: no such optimizer, or no such option of it, or a value that is neither number nor truth value.
    """
    if name not in optimizer_names():
        raise _unknown(name)
    known = _RELEASED_OPTIONS if name == RELEASED else _numbers(inspect.signature(_in_optax(name)).parameters.values())
    options: dict[str, float | bool | None] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ValueError(f"--optimizer-options takes NAME=VALUE,NAME=VALUE, got {part!r}")
        if key not in known:
            raise ValueError(f"--optimizer {name} has no option {key!r}: it has {', '.join(known) or 'none'}")
        if key in options:
            raise ValueError(f"--optimizer-options has {key} twice")
        options[key] = _value(key, value)
    return options


def _value(key: str, text: str) -> float | bool | None:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if value is not None and not isinstance(value, int | float):
        raise ValueError(f"--optimizer-options {key} takes a number, True, False or None, got {text!r}")
    if value is not None and not 0 <= value < (1 if key in _DECAYS else math.inf):
        bound = " and below 1" if key in _DECAYS else ""
        raise ValueError(f"--optimizer-options {key} must be at least 0{bound}, got {text}")
    return value


def _numbers(parameters: Iterable[inspect.Parameter]) -> list[str]:
    """The parameters that a number or a truth value says."""
    return [
        parameter.name
        for parameter in parameters
        if not parameter.name.endswith(_NO_NUMBERS)
        and (parameter.default is None or isinstance(parameter.default, int | float))
    ]


def _in_optax(name: str) -> Any:
    import optax  # late: --help and mistakes in typing need none of it
    import optax.contrib

    return getattr(optax.contrib if name in (*_CONTRIB_ELEMENTWISE, *_CONTRIB_BY_ARRAY) else optax, name, None)


def _unknown(name: str) -> ValueError:
    return ValueError(f"no optimizer {name!r}: choose one of {', '.join(optimizer_names())}")
