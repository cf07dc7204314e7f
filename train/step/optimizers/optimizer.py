"""An optimizer by name: a function of the learning rate to a transformation that skips what is not finite."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float

from train.recipe.optimizers import RELEASED, is_elementwise, optax_factory, parse_optimizer_options
from train.step.optimizers.adam import adam


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """Which optimizer moves the parameters; static under jit.

    Attributes:
        name: see `train.recipe.optimizers.optimizer_names`.
        options: "NAME=VALUE,…", see `train.recipe.optimizers.parse_optimizer_options`.
    """

    name: str = RELEASED
    options: str = ""

    @property
    def elementwise(self) -> bool:
        """Whether it may see the parameters as one vector."""
        return is_elementwise(self.name)

    def at(self, learning_rate: float | Float[Array, ""]) -> optax.GradientTransformationExtraArgs:
        """The transformation at a learning rate, on which its state's structure does not depend.

        Its `update` takes `finite`, whether the gradient is; if not, the change is 0 and the state stays.
        """
        options = parse_optimizer_options(self.name, self.options)
        if self.name == RELEASED:
            return adam(learning_rate, **options)  # type: ignore[arg-type]
        return _skipping(optax_factory(self.name)(learning_rate, **options))


def _skipping(transformation: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    def update(
        gradient: Any, state: Any, params: Any = None, *, finite: Bool[Array, ""], **extra: Any
    ) -> tuple[Any, Any]:
        change, advanced = transformation.update(gradient, state, params)
        kept = jax.tree.map(lambda new, old: jnp.where(finite, new, old), advanced, state)
        return jax.tree.map(lambda value: jnp.where(finite, value, 0), change), kept

    return optax.GradientTransformationExtraArgs(transformation.init, update)
