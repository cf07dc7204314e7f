"""Evaluation: `python -m eval` measures models and other codecs by real files, and writes a report.

`evaluate` goes from options to a report: `runner/` measures codecs (`codecs/`) over images, which `metrics/` compare,
`results/` are what was measured, `rate_distortion/` what follows from it and what others published, `report/` what one
looks at. Beside it, commands of their own: `verify/` compares with PyTorch's numbers, which `dump_reference` makes;
`demo/` shows one photo, `against_jpeg` sets files beside JPEG at their size, `portability/` shows that a file decodes
alike everywhere. It may import training and the library; benchmarks may import it.
"""
