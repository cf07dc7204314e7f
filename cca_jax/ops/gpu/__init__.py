"""Lowerings that only a GPU wants, each equal to a plain definition to rounding: fewer passes over main memory.

`blocks` are the repeated blocks for training, `gated` what they share, `stored` says where kernels end.
`model.blocks.stacks` chooses them by `ops.platform`; nothing else imports this room. It may import its neighbours.
"""
