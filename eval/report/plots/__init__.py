"""What draws curves and bars of results.

`papers` makes the plots beside the page, `overview` the README's; `style` is how a codec looks in all of them, on the
page too, `series` what is drawn beside means, `theme` how small plots follow the reader's light or dark theme. The
report and `eval.demo.anatomy` import it; it may import rate_distortion and results.
"""
