"""The range coder of tensorflow-compression, through TensorFlow's C interface or in Python.

`library` calls operations of the shared library without TensorFlow's Python package and alone knows its C interface,
`start` loads it once, `coder` is the range coder; `range_code` is the same code in Python, for machines without it.
`coders` imports it, and the command line, for a quiet start.
"""
