"""A small plot for pages: the reader's theme, the same bytes, and a title that is text."""

import matplotlib as mpl
from matplotlib.figure import Figure

from eval.report.plots.theme import INK, LOOK, themed_svg


def _draw(title):
    with mpl.rc_context(LOOK):
        figure = Figure((2, 2))
        figure.subplots().plot([0, 1], [0, 1])
        return themed_svg(figure, title).decode()


def test_ink_turns_light_in_a_dark_scheme():
    svg = _draw("a")
    assert f"stroke: {INK}" in svg
    assert f'[style*="stroke: {INK}"] {{stroke: #e6edf3 !important}}' in svg


def test_the_same_figure_gives_the_same_bytes():
    assert _draw("a") == _draw("a")


def test_a_title_is_no_markup():
    assert "<title>a &lt;b&gt; &amp; c</title>" in _draw("a <b> & c")
