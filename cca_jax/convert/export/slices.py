"""The parts between the symbols of z and the decoded latent, by what the slices' scales come from.

Slices count from 1, as files and papers count them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import jax.numpy as jnp
from jaxtyping import Array

from cca_jax.convert.export.parts import Bound, Named, Part, PartMaker, Spec
from cca_jax.model.coding import coding_steps
from cca_jax.model.integer_network.scales import ScaleSums
from cca_jax.model.parts.slice_model import SlicePrediction
from cca_jax.model.recurrence import context_of


def slices(maker: PartMaker) -> list[Part]:
    """All of them."""
    return {
        "context": _with_float_scales,
        "hyperprior_exact": lambda maker: [_indexes_of_hyper(maker), *_whole_latent(maker)],
        "context_exact": lambda maker: [*_indexes_in_turn(maker), *_whole_latent(maker)],
    }[maker.model.config.scale_source](maker)


def _names(kind: str, slices: Sequence[int]) -> list[str]:
    """Of the arrays of these slices, which count from 0; names count from 1."""
    return [f"{kind}_{index + 1}" for index in slices]


def _taken(given: Named, kind: str, slices: Sequence[int]) -> list[Array]:
    return [given[name] for name in _names(kind, slices)]


def _of_slices(kind: str, slices: Sequence[int], planes: Sequence[Spec]) -> dict[str, Spec]:
    return dict(zip(_names(kind, slices), planes, strict=True))


def _with_float_scales(maker: PartMaker) -> list[Part]:
    """Prediction and refinement slice by slice, each from what was decoded before."""
    config = maker.model.config
    y = maker.latent(config.latent_channels)
    task = "symbols of z to what they say of all slices"
    parts = [maker.make("hyper_synthesis", task, {"z_symbols": maker.hyper_latent()}, _hyper_synthesis)]
    for index, size in enumerate(config.slice_sizes):
        seen = context_of(config, index, 0)
        context = _of_slices("slice", seen, [maker.latent(config.slice_sizes[other]) for other in seen])
        predict = maker.make(
            f"slice_{index + 1}_predict",
            "hyperprior and decoded slices to mean, scale and features, and the table of each symbol",
            {"hyper_mean": y, "hyper_scale": y, **context},
            partial(_predict, index),
        )
        mean, features = (maker.outputs(predict)[name] for name in ("mean", "features"))
        symbols = maker.latent(size, jnp.int32)
        parts += [
            predict,
            maker.make(
                f"slice_{index + 1}_symbols",
                "latent and mean to what is coded of the slice",
                {"y": y, "mean": mean},
                partial(_symbols, index),
            ),
            maker.make(
                f"slice_{index + 1}_refine",
                "mean, features and symbols to the decoded slice",
                {"mean": mean, "features": features, "symbols": symbols},
                partial(_refine, index),
            ),
        ]
    return parts


def _hyper_synthesis(bound: Bound, given: Named) -> dict[str, Array]:
    arguments = (bound.model, bound.params, given["z_symbols"], bound.region, bound.rate)
    return dict(zip(("hyper_mean", "hyper_scale"), coding_steps.hyper_synthesize(*arguments), strict=True))


def _predict(index: int, bound: Bound, given: Named) -> dict[str, Array]:
    prediction, indexes = coding_steps.predict(
        bound.model,
        index,
        bound.params,
        bound.scales,
        given["hyper_mean"],
        given["hyper_scale"],
        _taken(given, "slice", context_of(bound.model.config, index, 0)),
        bound.region,
        bound.rate,
    )
    known = {"mean": prediction.mean, "scale": prediction.scale, "features": prediction.features}
    return {**known, "indexes": indexes}


def _symbols(index: int, bound: Bound, given: Named) -> dict[str, Array]:
    prediction = _prediction(index, bound, given["mean"], given["mean"])
    return {"symbols": coding_steps.slice_symbols(bound.model, index, given["y"], prediction, bound.region)}


def _refine(index: int, bound: Bound, given: Named) -> dict[str, Array]:
    prediction = _prediction(index, bound, given["mean"], given["features"])
    arguments = (bound.model, index, bound.params, prediction, given["symbols"], bound.region)
    return {f"slice_{index + 1}": coding_steps.refine(*arguments)}


def _prediction(index: int, bound: Bound, mean: Array, features: Array) -> SlicePrediction:
    first, last = bound.model.config.slice_edges[index : index + 2]
    step_size = None if bound.rate is None or bound.rate.step_size is None else bound.rate.step_size[..., first:last]
    return SlicePrediction(mean, None, features, step_size)


def _indexes_of_hyper(maker: PartMaker) -> Part:
    task = "symbols of z to the table of each symbol of y, in integers"
    return maker.make("scale_indexes", task, {"z_symbols": maker.hyper_latent()}, _scale_indexes)


def _scale_indexes(bound: Bound, given: Named) -> dict[str, Array]:
    arguments = (bound.model, bound.params, given["z_symbols"], bound.region, bound.rate)
    return {"indexes": coding_steps.scale_indexes(*arguments)}


def _indexes_in_turn(maker: PartMaker) -> list[Part]:
    """The tables of a slice's symbols also from the symbols before, in integers."""
    task = "symbols of z to what they say of all tables, in integers"
    sums = maker.make("scale_sums", task, {"z_symbols": maker.hyper_latent()}, _scale_sums)
    hyper, sizes = maker.outputs(sums), maker.model.config.slice_sizes
    parts = [sums]
    for index in range(len(sizes)):
        seen = context_of(maker.model.config, index, 0)
        before = [maker.latent(sizes[other], jnp.int32) for other in seen]
        context = {**_of_slices("symbols", seen, before), **_of_slices("indexes", seen, before)}
        inputs: Mapping[str, Spec] = {**hyper, **context}
        task = "that, and symbols and tables of the slices before, to the table of each symbol of the slice"
        parts.append(maker.make(f"slice_{index + 1}_indexes", task, inputs, partial(_slice_indexes, index)))
    return parts


def _scale_sums(bound: Bound, given: Named) -> dict[str, Array]:
    arguments = (bound.model, bound.params, given["z_symbols"], bound.region, bound.rate)
    return coding_steps.scale_sums(*arguments)._asdict()


def _slice_indexes(index: int, bound: Bound, given: Named) -> dict[str, Array]:
    hyper = ScaleSums(given["hidden"], given["sums"])
    seen = context_of(bound.model.config, index, 0)
    before = list(zip(_taken(given, "symbols", seen), _taken(given, "indexes", seen), strict=True))
    arguments = (bound.model, index, bound.params, hyper, before, bound.region, bound.rate)
    return {"indexes": coding_steps.slice_indexes(*arguments)}


def _whole_latent(maker: PartMaker) -> list[Part]:
    """The float networks of all slices in one program, once the symbols are known or wanted."""
    channels = maker.model.config.latent_channels
    z = {"z_symbols": maker.hyper_latent()}
    return [
        maker.make(
            "encode_latent",
            "latent and symbols of z to the symbols of all slices, and the decoded latent",
            {"y": maker.latent(channels), **z},
            _encode_latent,
        ),
        maker.make(
            "decode_latent",
            "symbols of z and of all slices to the decoded latent",
            {**z, "y_symbols": maker.latent(channels, jnp.int32)},
            _decode_latent,
        ),
    ]


def _encode_latent(bound: Bound, given: Named) -> dict[str, Array]:
    arguments = (bound.model, bound.params, given["y"], given["z_symbols"], bound.region, bound.rate)
    return dict(zip(("y_symbols", "y_hat"), coding_steps.encode_latent(*arguments), strict=True))


def _decode_latent(bound: Bound, given: Named) -> dict[str, Array]:
    arguments = (bound.model, bound.params, given["z_symbols"], given["y_symbols"], bound.region, bound.rate)
    return {"y_hat": coding_steps.decode_latent(*arguments)}
