"""Folders of a million photos: a pipeline over many files, and what a later run need not do again.

`pipeline` overlaps reading, coding and writing, in a bounded amount of memory (`lookahead`, `memory`); `meter` says how
fast it goes and what limits it. `storage/` is where files come from and go to, `sources` are the items of a command.
`journal` says what is done already, `summary` what became of each; `work` is one direction of the codec as the
pipeline's stages, `cluster` the same on many machines. The command line and the applications import it; it may import
every room but `cli` and `convert`.
"""
