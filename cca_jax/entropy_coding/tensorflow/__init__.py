"""The range coder of tensorflow-compression, through TensorFlow's C interface.

`library` calls operations of the shared library without TensorFlow's Python package, `quiet` keeps what the library
prints at its start off the terminal, `coder` is the range coder. `coders` alone imports it.
"""
