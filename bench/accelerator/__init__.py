"""Accelerators: `aot` counts what coding takes on described ones, `lent` measures on those that are there.

`steps` times training steps, beside what `planned` read of plans; `symbols` decodes files that a CPU made; `journal`
keeps what was measured already; `time_limit` ends a process.
"""
