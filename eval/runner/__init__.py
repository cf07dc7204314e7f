"""Codecs over images.

`run` measures all of a `plan` with a journal (`store`), `measure` one image (`memory`, `compilation`); `images` opens
them. `options` is the command line and `summary` what it prints. `evaluate` and the report import it; it may import
rate_distortion, codecs and results.
"""
