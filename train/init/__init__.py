"""Where first parameters come from.

`start` chooses: drawn, a plain transform codec (`klt_init`, by the transform of `karhunen_loeve`), or a run, a model
or a PyTorch checkpoint; `auxiliary_init` begins an auxiliary model as its main model, `extend` and `widen` go on from
a smaller one. The run imports it; it may import checkpoints, steps and recipes.
"""
