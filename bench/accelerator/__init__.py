"""Accelerators: `aot` counts what coding takes on described ones, `lent` measures on those that are there.

`symbols` decodes files that a CPU made, `journal` keeps what was measured already.
"""
