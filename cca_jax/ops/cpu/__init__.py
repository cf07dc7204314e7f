"""Lowerings that only a CPU wants, each equal to the plain definition beside which `ops.platform` chooses it.

`kernel_gradients` of convolutions, `sums` as matrix products, `padding` that compiles fast, `taps` for convolutions
of few positions; `strips` and `strip_blocks` go through large planes in strips. `ops` and `model.blocks` import it.
"""
