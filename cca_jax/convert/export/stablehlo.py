"""Parts as StableHLO programs, one for each platform, by `jax.export`.

Each is traced for its platform, so that it has the lowerings which `ops.platform` chooses there; on a CPU they are
those of the codec's own programs. A file holds what `jax.export.deserialize` reads, another the same module as
StableHLO's portable bytecode, for other readers.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export

from cca_jax import install_hint
from cca_jax.convert.export.parts import Named, Part, Spec
from cca_jax.ops.platform import tracing_for

PLATFORMS = ("cpu", "cuda", "tpu")
"""As `jax.export` calls them."""


class Program(NamedTuple):
    """A part for a platform, without the arguments that it does not read.

    Attributes:
        weights: names of those that it takes, in their order.
        inputs: names and types of its other arguments, which follow in this order.
        outputs: of its results, in their order.
        files: contents by the ending of their names.
    """

    weights: tuple[str, ...]
    inputs: Mapping[str, Spec]
    outputs: Mapping[str, Spec]
    files: Mapping[str, bytes]


def check_installed() -> None:
    """Raises ImportError, in one line, where programs cannot be written here."""
    if importlib.util.find_spec("flatbuffers") is None:
        raise ImportError(f"writing StableHLO with jax.export needs flatbuffers, {install_hint('export')}")


def programs_of(part: Part, weights: Mapping[str, Spec], platforms: tuple[str, ...]) -> Iterator[Program]:
    """The part for each platform, in their order, without the arguments that it does not read.

    Args:
        part: of a model.
        weights: all that the model has.
        platforms: some of `PLATFORMS`.
    """
    names, inputs = tuple(sorted(weights)), tuple(sorted(part.inputs))
    read = _exported(part, weights, names, inputs, platforms[0]).module_kept_var_idx
    arguments = [*names, *inputs]
    read_names = {arguments[number] for number in read}
    names, inputs = (tuple(name for name in group if name in read_names) for group in (names, inputs))
    for platform in platforms:
        program = _exported(part, weights, names, inputs, platform)
        yield Program(
            names,
            {name: part.inputs[name] for name in inputs},
            _outputs(program),
            {"jax": bytes(program.serialize()), "stablehlo": program.mlir_module_serialized},
        )


def _exported(
    part: Part, weights: Mapping[str, Spec], names: tuple[str, ...], inputs: tuple[str, ...], platform: str
) -> export.Exported:
    """The part as a function of these weights and inputs, each in a dictionary; the others it must not read."""

    def run(own_weights: Named, given: Named) -> dict[str, Any]:
        with tracing_for({"cuda": "gpu"}.get(platform, platform)):
            unread = [
                {name: jnp.zeros(spec.shape, spec.dtype) for name, spec in group.items()}
                for group in (weights, part.inputs)
            ]
            return part.compute({**unread[0], **own_weights}, {**unread[1], **given})

    run.__name__ = part.name
    arguments = ({name: weights[name] for name in names}, {name: part.inputs[name] for name in inputs})
    return export.export(jax.jit(run), platforms=[platform])(*arguments)


def _outputs(program: export.Exported) -> dict[str, Spec]:
    shapes = [Spec(aval.shape, aval.dtype) for aval in program.out_avals]
    return jax.tree.unflatten(program.out_tree, shapes)
