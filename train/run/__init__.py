"""A run from its first step to its last.

`loop` runs it, `advance` is how it gets on, `run_data` are its photos, `validation` measures it, `interrupts` listens
for signals, `allocator` keeps freed memory in the process. `goodput` says where the time goes, `data_wait` how long
devices wait for photos, `pace` and `utilization` how fast steps are, `profile` takes traces. The command line imports
it; it may import every room of training but `plan`.
"""
