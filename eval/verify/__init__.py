"""`python -m eval.verify`: this library against PyTorch's numbers.

`golden` reads a case, `verify` compares; `reference_inputs` is shared by the scripts that run beside PyTorch and
imports nothing of this project. `dump_compressai` is such a script, for the parts of 2018.
"""
