"""The functions of an exported model: what they take and give, by name (docs/coding/export.md).

They are the codec's compiled steps (`model.coding.coding_steps`) with plain arrays in place of pytrees. All arrays have
the shape of one bucket; `sides` says how much of it is picture.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array

from cca_jax.config import HYPER_STRIDE, LATENT_STRIDE
from cca_jax.model.cca import CCAModel
from cca_jax.model.coding import coding_steps
from cca_jax.model.integer_network.rate import IntegerRate
from cca_jax.model.parameters.shapes import unflatten
from cca_jax.model.rates import RatePoint
from cca_jax.ops.valid_region import ValidRegion

SCALES = "scales"
"""The name, among the weights, of the scales that have a table: float32 [T]."""

Named = Mapping[str, Any]
"""Arrays, or their shapes and types, by name."""
Spec = jax.ShapeDtypeStruct


@dataclasses.dataclass(frozen=True)
class Bound:
    """What every step takes beside its own arrays.

    Attributes:
        model: the networks.
        params: their parameters.
        scales: those that have a table.
        region: how much of the arrays is picture.
        rate: of a model of several rates, with what coding reads of it.
    """

    model: CCAModel
    params: Any
    scales: Array
    region: ValidRegion
    rate: RatePoint | None


@dataclasses.dataclass(frozen=True)
class Part:
    """A function of an exported model.

    Attributes:
        name: of its files.
        task: one line on what it computes.
        inputs: shapes and types of all that it may take; what it does not read is left out of its program.
        compute: weights and inputs by name to outputs by name; it can be traced.
    """

    name: str
    task: str
    inputs: Mapping[str, Spec]
    compute: Callable[[Named, Named], dict[str, Array]]


class PartMaker:
    """Makes parts of one model for one bucket.

    Attributes:
        model: the networks.
        bucket: height and width of all arrays in units of 64 pixels.
        weights: shapes and types of the parameters by their flat names, and of the scales.
    """

    def __init__(self, model: CCAModel, bucket: tuple[int, int], weights: Mapping[str, Spec]) -> None:
        self.model, self.bucket, self.weights = model, bucket, weights

    def outputs(self, part: Part) -> dict[str, Spec]:
        """Shapes and types of what a part gives."""
        return jax.eval_shape(part.compute, dict(self.weights), dict(part.inputs))

    def image(self, dtype: Any) -> Spec:
        """[1, H, W, 3]."""
        return self._plane(HYPER_STRIDE, 3, dtype)

    def latent(self, channels: int, dtype: Any = jnp.float32) -> Spec:
        """[1, H/16, W/16, channels]."""
        return self._plane(HYPER_STRIDE // LATENT_STRIDE, channels, dtype)

    def hyper_latent(self) -> Spec:
        """The symbols of z, [1, H/64, W/64, Z]."""
        return self._plane(1, self.model.config.hyper_channels, jnp.int32)

    def make(
        self, name: str, task: str, inputs: Mapping[str, Spec], step: Callable[[Bound, Named], dict[str, Array]]
    ) -> Part:
        """A part of a step, which also takes the picture's sides and, in a model of several rates, the rate."""

        def compute(weights: Named, given: Named) -> dict[str, Array]:
            params = unflatten({key: value for key, value in weights.items() if key != SCALES})
            region = ValidRegion(given["sides"], self.bucket)
            return step(Bound(self.model, params, weights[SCALES], region, _rate_of(given)), given)

        return Part(name, task, {**inputs, "sides": Spec((2,), jnp.int32), **self._rate_inputs()}, compute)

    def _rate_inputs(self) -> dict[str, Spec]:
        config = self.model.config
        if not config.rate_weights:
            return {}
        per_channel = Spec((1, 1, 1, config.latent_channels), jnp.float32)
        if not config.exact_scales:
            return {"step_size": per_channel}
        return {"step_size": per_channel, "rate_factor": Spec((1, 1, 1, 1), jnp.float32), "rate_shift": per_channel}

    def _plane(self, scale: int, channels: int, dtype: Any) -> Spec:
        height, width = self.bucket
        return Spec((1, height * scale, width * scale, channels), dtype)


def _rate_of(given: Named) -> RatePoint | None:
    if "step_size" not in given:
        return None
    integer = IntegerRate(given["rate_factor"], given["rate_shift"]) if "rate_shift" in given else None
    unread = jnp.zeros(1)
    return RatePoint(unread, unread, given["step_size"], integer)


def transforms(maker: PartMaker) -> list[Part]:
    """Picture to latent and hyper-latent, and back; the step sizes of a rate."""
    y = maker.latent(maker.model.config.latent_channels)
    parts = [
        maker.make("analysis", "picture, padded, 0 to 255, to latent", {"image": maker.image(jnp.uint8)}, _analysis),
        maker.make("hyper_analysis", "latent to the symbols of z", {"y": y}, _hyper_analysis),
        maker.make("synthesis", "decoded latent to picture, 0 to 1, not clamped", {"y_hat": y}, _synthesis),
    ]
    if maker.model.config.rate_weights:
        position = {"position": Spec((1,), jnp.float32)}
        parts.append(maker.make("rate", "position among the rates to step sizes", position, _step_sizes))
    return parts


def _analysis(bound: Bound, given: Named) -> dict[str, Array]:
    return {"y": coding_steps.analyze(bound.model, bound.params, given["image"], bound.region)}


def _hyper_analysis(bound: Bound, given: Named) -> dict[str, Array]:
    symbols, _ = coding_steps.hyper_analyze(bound.model, bound.params, given["y"], bound.region, bound.rate)
    return {"z_symbols": symbols}


def _synthesis(bound: Bound, given: Named) -> dict[str, Array]:
    return {"x_hat": coding_steps.synthesize(bound.model, bound.params, given["y_hat"], bound.region)}


def _step_sizes(bound: Bound, given: Named) -> dict[str, Array]:
    return {
        "step_size": cast(Array, coding_steps.rate_point(bound.model, bound.params, given["position"], None).step_size)
    }
