"""`python -m train`: parses, builds and calls."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cca_jax.config import PRESETS
from train.data import load_photos, split_photos
from train.loop import RunConfig, run


def parser() -> argparse.ArgumentParser:
    """The command line's options; their defaults are those of `RunConfig`."""
    defaults = {field: value.default for field, value in RunConfig.__dataclass_fields__.items()}
    options = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    options.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of photos")
    options.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    options.add_argument("--preset", choices=sorted(PRESETS), default="starter")
    options.add_argument("--steps", type=int, required=True)
    options.add_argument("--cca", choices=("reference", "stopped", "off"), default=defaults["cca"])
    options.add_argument("--resume", action="store_true", help="continue from the checkpoint in RUN")
    for name, kind in (
        ("batch_size", int), ("patch_size", int), ("rate_weight", float), ("first_rate_weight", float),
        ("switch_fraction", float), ("learning_rate", float), ("warmup_steps", int), ("cca_weight", float),
        ("ema_decay", float), ("validation_photos", int), ("report_every", int), ("save_every", int), ("seed", int),
    ):  # fmt: skip
        options.add_argument("--" + name.replace("_", "-"), type=kind, default=defaults[name])
    return options


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    options = vars(parser().parse_args(arguments))
    data, folder, resume = options.pop("data"), options.pop("out"), options.pop("resume")
    try:
        config = RunConfig(model=PRESETS[options.pop("preset")], **options)
        photos, skipped = load_photos(data, config.patch_size)
        for line in skipped:
            sys.stderr.write(line + "\n")
        training, held_out = split_photos(photos, config.validation_photos)
        run(config, training, held_out, folder, resume, _tell)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"train: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
