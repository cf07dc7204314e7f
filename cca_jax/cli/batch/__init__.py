"""One file or many: what compress and decompress share.

`outputs` says what is made of which file, and where it goes; `running` goes through them, side by side, and keeps a
journal. The commands import it; it may import `cca_jax.bulk`, the door to the library and what prints.
"""
