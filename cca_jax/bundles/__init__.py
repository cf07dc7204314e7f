"""Models on disk: weights, tables, configuration, identity, card, provenance.

`bundle` reads, checks and writes one folder; `registry` knows which are installed; `provenance` says how weights were
made; `weights/` are those that ship. The codec, `convert`, the command line and the applications import it; it may
import the model, the coding tables and the quality scale, and neither the codec nor a coder.
"""
