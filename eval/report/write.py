"""The report's files: `report.html` and the folder `plots`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cca_jax.image_io.files import write_atomically
from eval.rate_distortion.curves import PublishedCurve
from eval.report.page.render import render_page
from eval.report.pictures import Picture
from eval.report.plots.papers import bits_per_slice_plot, rate_distortion_plots
from eval.results.results import Results

PAGE = "report.html"
PLOTS = "plots"
"""What the report's folder holds of this."""


def build(
    results: Results, folder: Path, *, pictures: Sequence[Picture] = (), published: Sequence[PublishedCurve] = ()
) -> Path:
    """Writes the page and the plots; what is there of them is replaced.

    Args:
        results: what was measured.
        folder: where; made if needed.
        pictures: the few images that the page shows; see `eval.report.gather`.
        published: curves of the literature for this data set, drawn dashed.

    Returns:
        The page.

    Raises:
        OSError: the folder cannot be written.
    """
    plots = folder / PLOTS
    plots.mkdir(parents=True, exist_ok=True)
    for name, data in (rate_distortion_plots(results, published) | bits_per_slice_plot(results)).items():
        write_atomically(plots / name, data)
    page = folder / PAGE
    write_atomically(page, render_page(results, pictures, published).encode())
    return page
