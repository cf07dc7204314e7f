"""Lowerings that only a TPU wants, each equal to a plain definition: activations that stay in on-chip memory.

`image_groups` runs a block for a few images at a time. `model.blocks.stacks` chooses it by `ops.platform`.
"""
