"""The model as Flax linen modules that own parameters and call `cca_jax.ops`.

`blocks/` are what networks are built of, `parts/` what a configuration chooses by name (`registry`): transforms and
entropy models. `recurrence` holds the recurrence over slices and its context rule, `rates` rate points and step sizes,
`integer_network/` scales that every machine computes alike, `auxiliary` the CCA term's model; `cca` puts them together.
`coding/` has the compiled steps of coding and what tables are made of, `parameters/` the parameters as named arrays.
Bundles, objective, codec and applications import it; it may import the configuration and ops alone.
"""
