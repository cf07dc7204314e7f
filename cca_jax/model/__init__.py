"""The model as Flax linen modules that own parameters and call `cca_jax.ops`.

`layers` holds the blocks, `stacks` runs of them, `priors` the factorised density, `slices` what is common to all that
predict slices, `recurrence` their one recurrence and its context rule, `rates` rate points and step sizes,
`integer_network/` scales that every machine computes alike, `auxiliary` the CCA term's model; `cca` puts them together.
`parts/` are what a configuration chooses by name (`registry`): transforms, entropy models. `coding/` has the compiled
steps of coding and what tables are made of, `parameters/` the parameters as named arrays. Bundles, objective, codec and
applications import it; it may import the configuration and ops alone.
"""
