"""Integers and bytes: frozen tables, range coders, and the `.cca` file.

From the bottom up: `errors`, `tables` (quantised distributions), `arguments` and `escapes` (what the range coders
share), `tensorflow_coder` (with `tensorflow_library` and `quiet_tensorflow`) and `constriction_coder`, `coders` (which
of them); and beside these, `fields`, `header` and `container` (the file).
Nothing here knows JAX, the model or its configuration, and nothing loads TensorFlow or constriction before it codes.

Axes: N symbols of one stream in coding order; T tables of one set.
"""
