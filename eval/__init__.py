"""Evaluation: `python -m eval.verify` against PyTorch's numbers, `python -m eval.demo` on a photo.

`golden` reads verification cases, `verify` compares, `dump_reference` (run beside the PyTorch code) makes them;
`against_jpeg` sets real files beside JPEG at their size.
"""
