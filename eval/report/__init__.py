"""The report: one self-contained `report.html` to look at, and the same plots as PNG and SVG for papers.

`build(results, folder, pictures=…, published=…)` writes both from what was measured. `pictures`, made by
`gather_picture`, are the few images that the page shows, each with its reconstructions at matched size; `published` are
curves of the literature (`rate_distortion.curves`), drawn dashed. The figures on the page are those of `results`.

`python -m eval.report RESULTS.json` makes what the project's own pages show of a run: the README's plot
(`overview_plot`) and the tables of the README and of a model's card (`figures_of_pages`).
"""

from eval.report.gather import gather_picture
from eval.report.pictures import Picture
from eval.report.write import build

__all__ = ["Picture", "build", "gather_picture"]
