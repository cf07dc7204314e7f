"""Folders of a million photos: a pipeline over many files, and what a later run need not do again.

`pipeline` overlaps reading, coding and writing, in a bounded amount of memory (`lookahead`, `memory`); `meter` says how
fast it goes and what limits it. `stores` are where files come from and go to (`streams`: pipes), `places` also what is
within `archives`; `sources` are the items of a command, `journal` what is done already, `summary` what became of each;
`work` is one direction of the codec as the pipeline's stages. The command line and the applications import it; it may
import every room but `cli` and `convert`.
"""
