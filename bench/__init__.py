"""Benchmarks: `python -m bench`, medians and spread of what the codec does on this machine.

`coding/` times a codec in this process, `training/` steps and the data pipeline, `reference/` both beside PyTorch,
`process/` whole commands, `bulk/` these over folders of many photos, `accelerator/` TPUs and GPUs; `options` parses,
`models` makes what is timed, `timing` repeats, `tables` prints. Nothing imports it; it may import everything.
"""
