"""Pure functions of arrays: no configuration, no parameters of a model, no Flax modules.

Rounding and bounds (`rounding`, `quantization`), convolutions (`convolution`, `pointwise`) and what they make of
planes (`planes`), layer norm (`normalization`), lean loops (`scan`), likelihoods (`density`, `scales`), arrays larger
than their image (`valid_region`); `platform` says what a program is for, and `cpu/` holds the lowerings that only a
CPU wants. Every room may import it; it imports nothing of the library.
"""
