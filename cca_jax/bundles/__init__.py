"""Models on disk: weights, tables, configuration, identity, card, provenance.

`bundle` reads, checks and writes one folder, `array_checks` compares the header of its weights with its configuration,
`coding_tables` freezes its tables; `registry` knows which are installed; `provenance` says how weights were made;
`weights/` are those that ship. The codec, `convert`, the command line and the applications import it; it may import the
model, its configuration and ops, the coding tables and what is kept on disk (`compile_cache`), and neither the codec
nor a coder.
"""
