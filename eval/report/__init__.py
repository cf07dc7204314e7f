"""The report: one self-contained `report.html` to look at, and the same plots as PNG and SVG for papers.

`write` makes both of what was measured: `page/` the one, `plots/` the others. `pictures`, made by `gather`, are the few
images that the page shows, each with its reconstructions at matched size and its `bitmaps`. `python -m eval.report
RESULTS.json` makes what the project's own pages show of a run: the README's plot and the tables of the README and of a
model's card (`figures_of_pages`). `evaluate` imports it, the demo its plots; it may import all below the runner.
"""
