"""Lowerings that only a CPU wants, each equal to a plain definition.

`taps` convolves few positions, `strips` and `strip_blocks` go through large planes in strips of rows.
"""
