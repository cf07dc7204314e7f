"""Rate–distortion arithmetic: `bd_rate` and `bd_matrix`, `means` over images, published `curves/` as data.

`evaluate` and the report import it; it may import metrics and results.
"""
