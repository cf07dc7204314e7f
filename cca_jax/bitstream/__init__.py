"""The `.cca` file (docs/file/format.md): bytes and the numbers in them.

`fields` reads and writes single numbers, `header` what a file says of itself, `container` a whole file, `partial` what
is left of one, `boxes/` what it carries beside its picture; `foreign` names files that are none. The codec, bundles,
the command line and the applications import it; it knows the geometry of tiles and the errors of coding, and neither
JAX nor the model.
"""
