"""`python -m eval.portability`: the same symbols on other cores, in other types and by other interpreters.

`portability` compares what `probe` decodes in processes of their own. Nothing imports it.
"""
