"""Integers to streams of bits and back: frozen tables and range coders.

From the bottom up: `errors`, `tables` (quantised distributions), `arguments` and `escapes` (what the range coders
share), `tensorflow/` and `constriction_coder`, `coders` (which of them). Everybody above may import it; it imports
nothing of the library: neither JAX nor the model nor its configuration, and nothing loads TensorFlow or constriction
before it codes. Axes: N symbols of a stream in coding order; T tables of a set.
"""
