"""From real numbers to integers: straight-through rounding and bounds, annealed rounding, step sizes.

`rounding` has the derivatives that training wants, `relaxed_rounding` the noise of the search for latents, and
`step_sizes` the way to steps and back. Pure functions; every room may import it, and it imports nothing of the library.
"""
