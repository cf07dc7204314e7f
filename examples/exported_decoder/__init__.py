"""A decoder of `.cca` files made of an exported model: no module of this project takes part.

`python -m examples.exported_decoder FOLDER FILE.cca OUT.png`, where `cca-jax export` made FOLDER. `container` reads the
file and `range_coding` its streams (docs/file/format.md), `programs` runs the exported functions, `decoder` goes from
one to the other, `tiles` joins large pictures. It takes jax, flatbuffers, numpy, safetensors, Pillow and, for some
files, constriction.
"""
