"""Accelerators as data, and what a compiler says of a program for them, on a machine that need not have any.

`chips` is the table of constants, `topology` names described devices and opens them (`gpu_target` for GPUs), `program`
reads optimized HLO text, `execution` says what of it runs how often (`trip_count`), `traffic` and `collectives` count
its bytes, `arithmetic` counts a jaxpr's operations, and `roofline` puts these together. Training and the benchmarks may
import it; it imports nothing of this project.
"""
