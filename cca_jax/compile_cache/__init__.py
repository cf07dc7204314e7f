"""Compiled programs, kept from one process to the next.

`jax_cache` turns the cache on, for a command; `programs` finds the program of a step by what it is lowered from;
`store` keeps programs on disk, in a `folder` of this user's alone; `program_source` and `environment` are what else
decides them; `compilation` compiles so that a program can be kept, `options` is what compilers are asked for beyond
their defaults, `held` bounds how many programs a process holds. `private_jax` is all that JAX does not promise,
`device_errors` how it says that memory ran out, `cores` counts processor cores, by which XLA divides loops.
What goes wrong here costs time alone, and is said at debug level by the logger `cca_jax.compile_cache`.
The codec, the command line and the applications import it; it imports nothing of the library.
"""
