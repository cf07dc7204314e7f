"""Models on disk: weights, tables, configuration, identity, card, provenance.

`bundle` reads, checks and writes one folder; `registry` knows which are installed; `provenance` says how weights were
made; `weights/` are those that ship. The codec, `convert`, the command line and the applications import it; it may
import the model, its configuration and ops, and the coding tables, and neither the codec nor a coder.
"""
