"""The model as Flax linen modules that own parameters and call `cca_jax.ops`.

`layers` holds the blocks, `transforms` image ↔ latent and latent ↔ hyper-latent, `priors` the factorised density,
`slices` the one slice recurrence and the networks of the slices, `cca` puts them together.
"""
