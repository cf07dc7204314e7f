"""The `cca-jax` command line.

`main` parses and dispatches; in `commands/` one module a subcommand adds its arguments and runs. `batch/` goes through
one file or many; `console` prints, `figures` measures, `errors` words what went wrong; `library/` is the only door to
models and codecs; `process`, `environment` and `quiet_tensorflow` are what a command changes in its process. The
applications use its parser, console and errors; nothing else in the library imports it. It may import every room.
Nothing heavy (JAX, a coder) is imported before a subcommand needs it, so that `cca-jax --help` answers at once.
"""
