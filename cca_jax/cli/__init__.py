"""The `cca-jax` command line.

`main` parses and dispatches; one module a subcommand adds its arguments and runs. `batch` goes through several files,
`console` prints, `figures` measures, `errors` words what went wrong; `library` is the only door to models and codecs.
Nothing heavy (JAX, a coder) is imported before a subcommand needs it, so that `cca-jax --help` answers at once.
"""
