"""`python -m eval.demo.anatomy`: what a file of a model is made of, slice by slice, as figures for a page.

`bits` says what each symbol costs, `context` how many more bits a slice takes where another is hidden from it, `draw`
makes the figures. Nothing imports it but the notebooks; it may import the library and `eval.report.plots`.
"""
