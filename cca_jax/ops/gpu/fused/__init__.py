"""NAFBlocks as a few kernels of our own for NVIDIA's GPUs (Pallas, by Triton).

XLA ends a kernel at every product, norm and sum. Here norms, gates, residuals and sums over positions are part of the
kernel that needs them: `expansion`, `gated` and `feed_forward` are a block's three parts, each with its way back, and
`naf_block` joins them. `pieces` and `squares` say what a kernel sees of a plane, `launch` starts it. `choice` says
which planes they take, `trial` whether they compute on a chip what the compiler's kernels do.
"""
