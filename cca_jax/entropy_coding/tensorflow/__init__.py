"""The range coder of tensorflow-compression, through TensorFlow's C interface.

`library` calls operations of the shared library without TensorFlow's Python package and alone knows its C interface,
`start` loads it once, `coder` is the range coder. `coders` imports it, and the command line, for a quiet start.
"""
