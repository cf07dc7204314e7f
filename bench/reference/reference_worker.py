"""The released PyTorch model in a process of its own, which does what lines of standard input ask for.

    forward H W | compress H W | decompress H W | step BATCH SIDE

Each is answered by the seconds it took. With --image it compresses one image to a file and ends: the whole process is
then what is timed. Needs torch, the user's checkout and what that imports; nothing of JAX.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "eval"))  # the directory, since `eval` needs JAX

from dump_reference import objective
from verify.reference_inputs import build_model, infer_config

_MULTIPLE = 128  # of the sides: the released evaluation surrounds the image with zeros


def main() -> None:
    """Says "ready", then answers line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", help="the checkout")
    parser.add_argument("weights", type=Path, help=".npz of arrays by their PyTorch names")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with np.load(options.weights) as arrays:
        weights = {name: torch.from_numpy(arrays[name]) for name in arrays}
    net = build_model(options.reference, infer_config(weights), weights)
    if options.image is not None:
        _compress_file(net, options.image, options.out)
        return
    _answer("ready")
    commands = _Commands(net)
    for line in sys.stdin:
        name, *numbers = line.split()
        call = getattr(commands, name)(*map(int, numbers))
        started = time.perf_counter()
        call()
        _answer(str(time.perf_counter() - started))


def _answer(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _compress_file(net: Any, image: Path, out: Path) -> None:
    from PIL import Image

    net.eval()
    pixels = torch.from_numpy(np.asarray(Image.open(image).convert("RGB")).transpose(2, 0, 1).copy())
    with torch.no_grad():
        coded = net.compress(_padded(pixels[None].float() / 255))
    out.write_bytes(b"".join(part for strings in coded["strings"] for part in strings))


def _padded(x: torch.Tensor) -> torch.Tensor:
    below, right = (-side % _MULTIPLE for side in x.shape[2:])
    return torch.nn.functional.pad(x, (right // 2, right - right // 2, below // 2, below - below // 2))


class _Commands:
    """Each method prepares what it names and returns the call that is timed."""

    def __init__(self, net: Any) -> None:
        self._net = net
        self._coded: dict[tuple[int, int], Any] = {}
        named = dict(net.named_parameters())
        self._main = torch.optim.Adam([p for name, p in named.items() if not name.endswith(".quantiles")], lr=1e-4)
        self._second = torch.optim.Adam([p for name, p in named.items() if name.endswith(".quantiles")], lr=1e-3)

    def forward(self, height: int, width: int) -> Callable[[], object]:
        """The whole model in evaluation, auxiliary model included."""
        x = self._image(height, width)
        return lambda: self._evaluate(self._net, x)

    def compress(self, height: int, width: int) -> Callable[[], object]:
        """Image to strings."""
        x = self._image(height, width)
        return lambda: self._evaluate(self._net.compress, x)

    def decompress(self, height: int, width: int) -> Callable[[], object]:
        """Strings to image."""
        if (height, width) not in self._coded:
            self._coded[height, width] = self._evaluate(self._net.compress, self._image(height, width))
        coded = self._coded[height, width]
        return lambda: self._evaluate(self._net.decompress, coded["strings"], coded["shape"])

    def step(self, batch: int, side: int) -> Callable[[], object]:
        """One training step: both optimisers."""
        self._net.train()
        image = torch.rand(batch, 3, side, side)
        return lambda: self._train(image)

    def _image(self, height: int, width: int) -> torch.Tensor:
        self._net.eval()
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        waves = [128 + 100 * torch.sin(rows / (9 + 7 * c) + columns / (23 - 5 * c)) for c in range(3)]
        return _padded(torch.stack(waves)[None].floor() / 255)

    @torch.no_grad()
    def _evaluate(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    def _train(self, image: torch.Tensor) -> None:
        self._main.zero_grad()
        self._second.zero_grad()
        loss = objective(self._net(image), image, rate_weight=1.8, cca_weight=1.0)["loss"]
        assert math.isfinite(loss.item())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._net.parameters(), 1.0)
        self._main.step()
        self._net.aux_loss().backward()
        self._second.step()


if __name__ == "__main__":
    main()
