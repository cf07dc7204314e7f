"""Pure functions of arrays: no configuration, no parameters of a model, no Flax.

Rounding and bounds (`rounding`), convolution lowerings (`convolution`, `taps`, `pointwise`) and what they make of
planes (`planes`), layer norm (`normalisation`), lean loops (`scan`) and likelihoods (`density`).
"""
