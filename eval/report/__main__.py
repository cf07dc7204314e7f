"""`python -m eval.report RESULTS.json`: the plot of the README, and the figures that it and a model's card state."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cca_jax.bundles.registry import ModelSummary, summarize_model
from cca_jax.cli.console import print_line, print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXPECTED, describe
from cca_jax.cli.parser import OneLineParser
from cca_jax.image_io.files import write_atomically
from eval.rate_distortion.curves import identify_dataset, published_curves
from eval.report.figures_of_pages import renew
from eval.report.plots.overview import overview_plot
from eval.results.results import Results

_README, _PLOT = Path("README.md"), Path("docs/images/kodak.svg")


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the plot and renews the pages; returns the exit status."""
    parser = OneLineParser(prog="python -m eval.report", description=__doc__)
    parser.add_argument("results", type=Path, metavar="RESULTS.json", help="of a run of python -m eval over Kodak")
    parser.add_argument(
        "--plot", type=Path, default=_PLOT, metavar="FILE.svg", help="where the plot goes (default: %(default)s)"
    )
    parser.add_argument(
        "--pages",
        type=Path,
        nargs="+",
        metavar="FILE.md",
        help=f"pages whose figures are renewed (default: {_README} and the model's card)",
    )
    parser.add_argument(
        "--bench", type=Path, metavar="FILE.json", help="of python -m bench codec --json: renews figures of speed, too"
    )
    options = parser.parse_args(arguments)
    try:
        results = Results.from_json(options.results.read_bytes())
        model = model_of(results)
        pages = options.pages or [_README, *([] if model.card is None else [model.card])]
        bench = None if options.bench is None else json.loads(options.bench.read_bytes())
        renewed = {page: _renew(page, results, model, bench) for page in pages}
        dataset = identify_dataset(results.data.name, results.data.count)
        if dataset is None:
            print_problem(
                f"warning: {results.data.name} with {results.data.count} images is not known as a data set of "
                "published curves: they are left out"
            )
        plot = overview_plot(results, () if dataset is None else published_curves(dataset))
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        for path, data in {options.plot: plot, **renewed}.items():
            write_atomically(path, data)
            print_line(f"{path}: written")
    except EXPECTED as error:
        print_problem(describe(error))
        return EXIT_BAD_INPUT
    return 0


def model_of(results: Results) -> ModelSummary:
    """The first model of a run, as it is installed.

    Raises:
        ValueError: the run has none, or the installed model of that name has other weights.
    """
    ours = next((codec for codec in results.codecs if codec.kind == "ours"), None)
    if ours is None:
        raise ValueError("the results are of no model")
    model = summarize_model(ours.name)
    if model.identity.hex() not in ours.version:
        raise ValueError(f"the results are of {ours.name} {ours.version}, but {model.identity.hex()} is installed")
    return model


def _renew(page: Path, results: Results, model: ModelSummary, bench: Mapping[str, Any] | None) -> bytes:
    try:
        return renew(page.read_text(), results, model, bench).encode()
    except ValueError as error:
        raise ValueError(describe(error, page)) from error


if __name__ == "__main__":
    sys.exit(main())
