"""A run from its first step to its last.

`loop` runs it, `advance` is how it gets on, `run_data` are its photos, `validation` measures it, `interrupts` listens
for signals, `allocator` keeps freed memory in the process. `reporting/` is what a person sees, `timing/` where the time
goes. The command line and `compare` import it; it may import every room of training below it.
"""
