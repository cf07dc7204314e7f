"""Scale indexes by integer arithmetic, the same on every machine (Ballé, Johnston and Minnen 2019).

`arithmetic` are layers of integers that float32 holds exactly, `rate` what they are told of a rate, `scales` the
network. `cca` and `auxiliary` run it.
"""
