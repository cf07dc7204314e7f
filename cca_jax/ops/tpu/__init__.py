"""Lowerings that only a TPU wants, each equal to a plain definition.

`image_groups` runs blocks for a few images at a time, so that activations stay in on-chip memory;
`model.blocks.stacks` chooses it by `ops.platform`. `convolution` has what `ops.layers.convolution` chooses there.
"""
