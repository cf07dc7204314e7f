"""Hostile files: `python -m tests.fuzz` makes them, decodes them and says what happened (docs/coding/robustness.md).

`fields` takes a file apart and puts it together again with right checksums, whatever it states; `mutators` change
files, `judge` says whether a decoder's answer to one is allowed, `coverage` is guided by Atheris. `make test` runs a
little of it, `make fuzz` all. Only tests import it.
"""
