"""`python -m train.export RUN OUT`: the averaged weights of a run as a model bundle."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from cca_jax.bundle import Bundle, save_bundle
from cca_jax.config import ModelConfig
from train import checkpoint
from train.loop import RunConfig, first_state


def load_run(folder: Path) -> tuple[RunConfig, Any, int]:
    """Configuration, averaged parameters and steps done of a run.

    Raises:
        ValueError: not a run, or one without a checkpoint.
    """
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text())
        config = RunConfig(**{**values, "model": ModelConfig.from_dict(values["model"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not the configuration of a run: {error}") from error
    state = checkpoint.restore(folder, first_state(config))
    return config, state.ema, int(state.train.step)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m train.export", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the bundle; its name is the model's")
    parser.add_argument("--description", required=True, help="one line for `cca-jax models`")
    parser.add_argument("--card", type=Path, required=True, help="Markdown file, the model card")
    parser.add_argument("--dtype", choices=("float32", "float16"), default="float16")
    options = parser.parse_args(arguments)
    try:
        config, params, step = load_run(options.run)
        bundle = Bundle.build(options.out.name, options.description, config.model, params, options.dtype)
        save_bundle(bundle, options.out, options.card.read_text())
    except (ValueError, OSError) as error:
        sys.stderr.write(f"export: {error}\n")
        return 2
    facts = {**dataclasses.asdict(config), "steps_done": step, "identity": bundle.identity.hex()}
    sys.stdout.write(json.dumps(facts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
