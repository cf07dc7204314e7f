"""A stranger's first minutes with the installed package; runs where it was installed, away from the checkout."""

import importlib.metadata
import json
import subprocess
import sys

import numpy as np
from PIL import Image

import cca_jax


def main() -> None:
    command = sys.argv[1]
    assert "site-packages" in cca_jax.__file__, cca_jax.__file__
    metadata = importlib.metadata.metadata("cca_jax")
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("Project-URL"), "no links"

    y, x = np.mgrid[:90, :130]
    photo = np.stack([x, 2 * y, 255 - x], -1).astype(np.uint8)
    data = cca_jax.load_model("lite").compress(photo, quality=70)
    assert psnr(cca_jax.load_model("lite").decompress(data), photo) > 32

    models = run(command, "models")
    assert "lite" in models, models
    assert "starter" in models, models
    Image.fromarray(photo).save("photo.png")
    run(command, "compress", "photo.png", "-o", "photo.cca", "--quality", "70")
    facts = json.loads(run(command, "info", "photo.cca", "--json"))
    assert (facts["width"], facts["height"]) == (130, 90), facts
    run(command, "decompress", "photo.cca", "-o", "back.png")
    assert psnr(np.asarray(Image.open("back.png")), photo) > 32


def psnr(image: np.ndarray, original: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.mean((image.astype(float) - original.astype(float)) ** 2))


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


main()
