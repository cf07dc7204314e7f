"""What layers compute, given their parameters: the plain definitions.

`convolution` has those of all kinds, `pointwise` the 1×1 ones with lean gradients, `dense` the 1×1 ones of a GPU,
`normalization` the layer norm. `model.blocks`, `cpu/` and `gpu/` import it; it may import `planes`, `precision`,
`platform` and the lowerings of `cpu/` that it chooses among.
"""
