"""Evaluation: `python -m eval` measures models and other codecs by real files, and writes a report.

`options` parses, `evaluate` goes from options to a report; `run` goes through `images`, `measure` makes one measurement
of a codec (`codecs`), which `store` keeps; `records` and `results` are what is measured, `means`, `bd_rate` and
`bd_matrix` what follows from it, `curves` what others published, `report` what one looks at.

`python -m eval.verify` compares with PyTorch's numbers in `golden` cases, which `dump_reference` (run beside its
code) makes. `python -m eval.demo` shows one photo. `python -m eval.against_jpeg` sets a model's files, at one quality,
beside JPEG at their size, image by image. `python -m eval.portability` shows that a file decodes alike everywhere.
"""
