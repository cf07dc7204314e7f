"""Rate–distortion arithmetic: `bd_matrix` of a run, `means` over images, published `curves/` as data.

`evaluate` and the report import it; it may import metrics and results.
"""
