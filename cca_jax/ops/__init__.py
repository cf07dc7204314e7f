"""Pure functions of arrays: no configuration, no parameters of a model, no Flax.

Rounding and bounds (`rounding`), convolution lowerings (`convolution`) and likelihoods (`density`).
"""
