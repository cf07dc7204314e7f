"""What networks are built of: modules that know no configuration and no slice.

`layers` holds convolutions, NAFBlocks and their like, `stacks` runs of equal blocks whose parameters are stacked,
`priors` the fully factorized density. The rest of the model imports it, and users' own parts; it may import ops alone.
"""
