"""Compiled programs, kept from one process to the next.

`jax_cache` turns on JAX's persistent cache; `programs` finds the program of a step by what it is lowered from, `store`
keeps programs on disk, `environment` is what else decides them, `compilation` compiles so that a program can be kept;
`cores` counts processor cores, by which XLA divides loops. The codec, the command line and the applications import it;
it imports nothing of the library.
"""
