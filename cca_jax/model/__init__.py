"""The model as Flax linen modules that own parameters and call `cca_jax.ops`.

`layers` holds the blocks, `stacks` runs of them, `transforms` image ↔ latent and latent ↔ hyper-latent, `priors` the
factorised density, `slices` the one recurrence and the networks of the slices, `rates` rate points and step sizes,
`integer_network/` scales that every machine computes alike, `auxiliary` the CCA term's model; `cca` puts them together.
`coding/` has the compiled steps of coding and what tables are made of, `parameters/` the parameters as named arrays.
Bundles, objective, codec and applications import it; it may import the configuration and ops alone.
"""
