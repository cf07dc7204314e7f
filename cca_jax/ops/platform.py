"""Which lowering to take where the CPU's compiler and the GPU's want different ones."""

import jax


def on_cpu() -> bool:
    """Whether programs are compiled for the CPU; both answers must compute the same function."""
    return jax.default_backend() == "cpu"
