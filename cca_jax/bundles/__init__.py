"""Models on disk: weights, tables, configuration, identity, card.

`bundle` reads, checks and writes one folder; `registry` knows which are installed; `weights/` are those that ship.
The codec, `convert`, the command line and the applications import it; it may import the model, the coding tables and
the quality scale, and neither the codec nor a coder.
"""
