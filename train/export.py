"""`python -m train.export RUN OUT`: a run's weights as a model bundle, which `cca-jax` and `eval` load."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from cca_jax.bundles.bundle import Bundle, check_new_folder, save_bundle
from cca_jax.cli.console import print_line, print_problem
from cca_jax.cli.errors import EXIT_BAD_INPUT, EXPECTED, describe
from cca_jax.cli.parser import OneLineParser
from cca_jax.cli.process import prepare_process
from cca_jax.model.parameters.initialize import parameter_count
from train.checkpoints.checkpoints import silence_orbax
from train.checkpoints.saved_run import read_run
from train.recipe.config import TrainConfig

_CARD = """# {name}

{description}

| | |
|---|---|
| identity | `{identity}` |
| parameters | {parameters:,}, stored as {dtype} |
| trained on | `{data}` |
| steps | {step} of {batch_size} crops of {patch_size}×{patch_size} |
| objective | {loss}, λ = {weights} |
| densities | {latent_density}, scales from {scale_source} |
| parts | transforms `{transforms}`, context `{context_rule}`, entropy model `{entropy_model}` |
| CCA | form `{cca}`, α = {cca_weight:g} |
| optimizer | {optimizer}, learning rate {learning_rate:g}, decay `{learning_rate_decay}` |
| moving average | {ema_decay:g} |
| precision, seed | {precision}, {seed} |
| best validation | {best} |

State here what the data is, under which licence, what the model is for and where it fails.
"""


def export(
    run: Path,
    out: Path,
    description: str,
    dtype: str,
    card: str | None,
    best: bool,
    tell: Callable[[str], object] = str,
) -> Bundle:
    """Writes the bundle of a run.

    Args:
        run: the run's folder.
        out: folder of the bundle, new or empty; its name is the model's.
        description: one line for `cca-jax models`.
        dtype: "float32" or "float16".
        card: text of the model card; None writes one of the run's facts.
        best: takes the best checkpoint instead of the newest.
        tell: called with a line about each checkpoint that is not whole.

    Raises:
        ValueError: not a run, or one without such a checkpoint.
        OSError: the folder cannot be written.
    """
    check_new_folder(out)
    config, state, metadata = read_run(run, best, tell)
    name = out.resolve().name
    params = jax.device_get(state.best_params)
    bundle = Bundle.build(name, description, config.model, params, dtype)
    save_bundle(bundle, out, _card(config, bundle, int(state.step), metadata, dtype) if card is None else card)
    return bundle


def _card(config: TrainConfig, bundle: Bundle, step: int, metadata: dict[str, Any], dtype: str) -> str:
    best = metadata["best"]
    best_text = "none" if best is None else f"loss {best['loss']:.4f} at step {best['step']} ({best['objective']})"
    weights = f"{config.rate_weight:g} (before {config.drop_at}: {config.first_rate_weight:g})"
    if config.model.rate_weights:
        weights = ", ".join(f"{weight:g}" for weight in config.model.rate_weights)
    optimizer = config.optimizer + (f" ({config.optimizer_options})" if config.optimizer_options else "")
    training = {"optimizer": optimizer, "weights": weights, "best": best_text, "step": step, "dtype": dtype}
    return _CARD.format(
        **{**config.to_dict(), **config.model.to_dict(), **training},
        name=bundle.name,
        description=bundle.description,
        identity=bundle.identity.hex(),
        parameters=parameter_count(bundle.params),
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    parser = OneLineParser(prog="python -m train.export", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the bundle; its name is the model's")
    parser.add_argument("--description", default="trained with cca_jax", help="one line for `cca-jax models`")
    parser.add_argument("--card", type=Path, help="Markdown file, the model card (default: the run's facts)")
    parser.add_argument("--dtype", choices=("float32", "float16"), default="float16")
    parser.add_argument("--best", action="store_true", help="the best checkpoint instead of the newest")
    options = parser.parse_args(arguments)
    prepare_process()
    silence_orbax()
    try:
        card = None if options.card is None else options.card.read_text()
        bundle = export(options.run, options.out, options.description, options.dtype, card, options.best, print_problem)
    except EXPECTED as error:
        print_problem(describe(error))
        return EXIT_BAD_INPUT
    print_line(f"{options.out}: model {bundle.name}, identity {bundle.identity.hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
