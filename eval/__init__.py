"""Evaluation: `python -m eval` measures models and other codecs by real files, and writes a report.

`evaluate` goes from options to a report: `runner/` measures codecs (`codecs/`) over images, `results/` are what was
measured, `rate_distortion/` has measures, what follows from them and what others published, `report/` is what one looks
at. Beside it, commands of their own: `verify/` compares with PyTorch's numbers, which `dump_reference` makes; `demo/`
shows one photo and its file, `against_jpeg` sets files beside JPEG at their size, `portability/` shows that a file
decodes alike everywhere. It may import training and the library; benchmarks may import it.
"""
