"""Pure functions of arrays: no configuration, no parameters of a model, no Flax modules.

Rounding and step sizes (`quantization/`), what symbols cost (`likelihoods/`), convolutions (`convolution`, `pointwise`,
`dense`) and what they make of planes (`planes`), narrow types (`precision`), layer norm (`normalization`), lean loops
(`scan`), arrays larger than their image (`valid_region`). `platform` says what a program is for; `cpu/` and `gpu/` hold
the lowerings that only one kind of device wants. Every room may import it; it imports nothing of the library.
"""
