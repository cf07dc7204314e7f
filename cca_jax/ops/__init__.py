"""Pure functions of arrays: no configuration, no parameters of a model, no Flax modules.

Rounding and step sizes (`quantization/`), what symbols cost (`likelihoods/`), convolutions and norms (`layers/`) and
what they make of planes (`planes`), narrow types (`precision`), lean loops (`scan`), arrays larger than their image
(`valid_region`). `platform` says what a program is for; `cpu/`, `gpu/` and `tpu/` hold the lowerings that only one kind
of device wants. Every room may import it; it imports nothing of the library.
"""
