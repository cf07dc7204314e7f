"""`python -m eval.verify CASE.json`: this library's numbers beside those of the released PyTorch code.

Prints a table (quantity, largest absolute and relative error, tolerance, verdict); exit status 1 where one is out.
Errors of arrays are relative to the array's largest magnitude. The tolerances are a few times float32's own error.

The forward pass and the coding run in float32, as users run them. The optimiser steps run in float64 by default: a
ReLU whose input lies within float32's error of 0 (`paper` has one, at -9e-7) sends its gradient or does not, by the
accident of one rounding, and Adam's first steps multiply the difference. In float64 only PyTorch's own rounding is
left, and the tolerances judge the mathematics; `--train-precision float32` shows the accident.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from cca_jax.bundles.bundle import Bundle
from cca_jax.cli.errors import EXPECTED, describe
from cca_jax.cli.parser import OneLineParser
from cca_jax.cli.process import prepare_process
from cca_jax.codec.codec import Codec
from cca_jax.convert.names import torch_from_params
from cca_jax.entropy_coding.coders import default_coder
from cca_jax.model.cca import CCAModel, Noise
from cca_jax.model.rates import RatePoint
from cca_jax.objective.loss import ObjectiveTerms, rate_distortion_cca
from eval.verify.golden import Case, load_case, nhwc
from train.step.state import StepReport, TrainState, first_moments, initial_state
from train.step.step import train_step

ARRAY, TERM, GRADIENT_NORM, GRADIENT_PROBE = 2e-5, 2e-5, 5e-4, 1e-3
# Adam's first steps divide by tiny gradients, so a parameter's change is the least exact of PyTorch's own numbers.
CHANGE = 5e-2
_LEARNING_RATE = 1e-4
_TERMS = {
    "loss": "loss", "mse": "mse", "bpp_y": "rate_y", "bpp_z": "rate_z", "bpp_y_aux": "rate_aux", "cca": "cca",
    "aux_rate": "factorized",
}  # fmt: skip
"""Names of the objective's terms in a case and in `ObjectiveTerms`."""


class Row(NamedTuple):
    """One comparison."""

    quantity: str
    absolute: float
    relative: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the relative error is within the tolerance (NaN is not)."""
        return self.relative <= self.tolerance


def compare(quantity: str, actual: Any, expected: Any, tolerance: float, scale: float | None = None) -> Row:
    """Largest error of an array, relative to `scale` or else to the largest expected magnitude."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    if actual.shape != expected.shape:
        return Row(f"{quantity} (shape {actual.shape}, expected {expected.shape})", np.nan, np.nan, tolerance)
    absolute = float(np.abs(actual - expected).max(initial=0))
    largest = float(np.abs(expected).max(initial=0)) if scale is None else scale
    return Row(quantity, absolute, absolute / largest if largest else absolute, tolerance)


def evaluation_rows(case: Case, params: Any) -> Iterator[Row]:
    """Activations, likelihoods and terms of the forward pass that rounds."""
    model = CCAModel(case.config)

    @jax.jit
    def forward(params: Any, image: Any) -> Any:
        weights = {"rate_weight": case.facts["rate_weight"], "cca_weight": case.facts["cca_weight"]}
        terms = rate_distortion_cca(model, params, image, None, **weights)[1]
        output = model.apply({"params": params}, image)
        return output, terms, model.apply({"params": params}, method="quantile_loss")

    output, terms, quantile_loss = forward(params, case.image())
    actual = {
        "y": output.y, "z": output.z, "x_hat": output.x_hat, "likelihood_y": output.likelihood_y,
        "likelihood_z": output.likelihood_z, "likelihood_y_aux": output.auxiliary.likelihood_y,
        "likelihood_y_factorized": output.auxiliary.likelihood_y_factorized,
    }  # fmt: skip
    for name, value in actual.items():
        yield compare(f"eval/{name}", value, nhwc(case.arrays[f"eval/{name}"]), ARRAY)
    yield from term_rows("eval", terms, case.facts["eval"])
    yield compare("eval quantile_loss", quantile_loss, case.facts["quantile_loss"], TERM)
    if "train/x_hat" in case.arrays:  # the reconstruction does not see the noise
        yield compare("train/x_hat", output.x_hat, nhwc(case.arrays["train/x_hat"]), ARRAY)


def term_rows(where: str, terms: ObjectiveTerms, expected: dict[str, float]) -> Iterator[Row]:
    """The objective's terms; L_cca relative to R_y, of which it is a small difference."""
    for theirs, ours in _TERMS.items():
        scale = abs(expected["bpp_y"]) if theirs == "cca" else None
        yield compare(f"{where} {theirs}", getattr(terms, ours), expected[theirs], TERM, scale)


def coding_rows(case: Case, params: Any) -> Iterator[Row]:
    """Symbols, indexes and reconstruction of image 0 through the codec: integers must be equal."""
    codec = Codec(Bundle.build("case", "", case.config, params), default_coder())
    encoding = codec.encode(case.image_uint8()[0])
    z_symbols, *y_symbols = (symbols[0].transpose(2, 0, 1) for symbols in encoding.symbols)
    indexes = np.concatenate([index[0].transpose(2, 0, 1) for index in encoding.indexes[1:]])
    yield compare("code/z_symbols", z_symbols, case.arrays["code/z_symbols"], 0.0)
    yield compare("code/y_symbols", np.concatenate(y_symbols), case.arrays["code/y_symbols"], 0.0)
    yield compare("code/y_indexes", indexes, case.arrays["code/y_indexes"], 0.0)
    yield compare("code/scale_table", codec.bundle.scales, case.arrays["code/scale_table"], ARRAY)
    x_hat = np.clip(codec.reconstruct(encoding.y_hat)[0].transpose(2, 0, 1), 0, 1)
    yield compare("code/x_hat", x_hat, case.arrays["code/x_hat"].reshape(x_hat.shape), ARRAY)


@contextlib.contextmanager
def _precision_of(name: str) -> Iterator[None]:
    """Lets JAX compute in float64, or not, for a while (the function for that moved between JAX's versions)."""
    before = jax.config.read("jax_enable_x64")
    jax.config.update("jax_enable_x64", name == "float64")
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def training_rows(case: Case, params: Any, precision: str = "float64") -> list[Row]:
    """Optimiser steps through `train.step.step`, and the gradients of the first."""
    with _precision_of(precision):
        model = CCAModel(case.config)
        rows: list[Row] = []
        params = jax.tree.map(lambda leaf: np.asarray(leaf, precision), params)
        state, image = initial_state(params), jnp.asarray(case.image(), precision)
        weights = {"rate": RatePoint.single(case.facts["rate_weight"]), "cca_weight": case.facts["cca_weight"]}
        step = jax.jit(partial(train_step, model, learning_rate=_LEARNING_RATE, **weights))
        for index, expected in enumerate(case.facts["train"]):
            noise = {tag: jnp.asarray(draw, precision) for tag, draw in case.noise(index).items()}
            state, report = step(state, image, Noise(**noise))
            rows += step_rows(index, report, expected)
            if index == 0:
                rows += gradient_rows(case, first_gradients(state, report))
        change = jax.tree.map(lambda new, old: np.asarray(new) - old, state.params, params)
        return [*rows, change_row(case, change)]


def step_rows(index: int, report: StepReport, expected: dict[str, float]) -> Iterator[Row]:
    """What one step says of itself."""
    yield from term_rows(f"step {index}", report.terms, expected)
    yield compare(f"step {index} grad_norm", report.grad_norm, expected["grad_norm"], GRADIENT_NORM)
    yield compare(f"step {index} quantile_loss", report.quantile_loss, expected["quantile_loss"], TERM)


def first_gradients(state: TrainState, report: StepReport) -> Any:
    """The gradients of step 0, unclipped, read off Adam's first moments: these are a tenth of the clipped ones.

    Quantiles have no place in that optimiser; their gradient, which is exactly 0, is given as 0.
    """
    clip = min(1.0, 1.0 / (float(report.grad_norm) + 1e-6))
    return jax.tree.map(lambda moment: np.asarray(moment, np.float64) / 0.1 / clip, first_moments(state))


def gradient_rows(case: Case, gradients: Any) -> Iterator[Row]:
    """The parameter whose gradient is worst, by norm and by inner product with its probe."""
    arrays = torch_from_params(gradients, case.config)
    norms, probes = [], []
    stored = zip(case.facts["parameters"], case.arrays["train/grad_norm"], case.arrays["train/grad_probe"], strict=True)
    for entry, norm, probe in stored:
        name = entry["name"]
        gradient = arrays[name].astype(np.float64)
        inner = float((gradient * case.probe(name, gradient.shape)).sum())
        scale = float(norm) or 1.0
        norms.append(compare(f"grad_norm, worst of all: {name}", np.linalg.norm(gradient), norm, GRADIENT_NORM, scale))
        probes.append(compare(f"grad_probe, worst of all: {name}", inner, probe, GRADIENT_PROBE, scale))
    for rows in (norms, probes):
        yield max(rows, key=lambda row: (np.isnan(row.relative), row.relative))


def change_row(case: Case, change: Any) -> Row:
    """The parameter whose change over all steps is worst, relative to that change's norm."""
    arrays = torch_from_params(change, case.config)
    rows = []
    for entry, expected in zip(case.facts["parameters"], case.arrays["train/param_probe"], strict=True):
        gradient = arrays[entry["name"]].astype(np.float64)
        inner = float((gradient * case.probe(entry["name"], gradient.shape)).sum())
        scale = float(np.linalg.norm(gradient)) or 1.0
        rows.append(compare(f"param_probe, worst of all: {entry['name']}", inner, expected, CHANGE, scale))
    return max(rows, key=lambda row: (np.isnan(row.relative), row.relative))


def verify(case: Case, precision: str = "float64") -> Iterator[Row]:
    """All comparisons that a case allows, as they are made; `precision` is that of the optimiser steps."""
    params = case.params()
    yield from evaluation_rows(case, params)
    yield from coding_rows(case, params)
    if "train" in case.facts:
        yield from training_rows(case, params, precision)


def main(arguments: list[str] | None = None) -> int:
    """Prints the table of a case; 0 where all pass, 1 where one is out, 2 on bad input."""
    parser = OneLineParser(prog="python -m eval.verify", description=__doc__)
    parser.add_argument("case", type=Path, metavar="CASE.json")
    parser.add_argument("--train-precision", choices=("float32", "float64"), default="float64")
    options = parser.parse_args(arguments)
    prepare_process()
    path = options.case
    try:
        case = load_case(path)
        rows = list(verify(case, options.train_precision))
    except KeyError as error:
        sys.stderr.write(f"verify: {path}: the case lacks {error}: make it with eval/dump_reference.py\n")
        return 2
    except EXPECTED as error:
        sys.stderr.write(f"verify: {describe(error)}\n")
        return 2
    table = Table("quantity", "max |error|", "relative", "tolerance", "verdict", title=f"{path} against PyTorch")
    for row in rows:
        verdict = "ok" if row.passed else "OUT"
        tolerance = f"{row.tolerance:.0e}" if row.tolerance else "equal"
        table.add_row(row.quantity, f"{row.absolute:.2e}", f"{row.relative:.2e}", tolerance, verdict)
    Console(width=None if sys.stdout.isatty() else 130).print(table)
    failed = sum(not row.passed for row in rows)
    sys.stdout.write(f"{len(rows) - failed} of {len(rows)} quantities within tolerance\n")
    return 1 if failed else 0
