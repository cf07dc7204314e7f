"""The subcommands of `cca-jax`, a module each, and what one of them alone needs.

`compress` (its work on an image is `compression`, what it keeps of a picture `kept`), `decompress` (`output_image`),
`info`, `convert` and `models`. `main` imports it; it may import the rest of the command line.
"""
