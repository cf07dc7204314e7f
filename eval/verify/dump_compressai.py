"""Write what CompressAI computes with small random weights: the golden numbers of the parts of 2018.

The case is one file, OUT.npz: weights by their names, an image, and what `MeanScaleHyperprior` (mbt2018-mean), whose
transforms are those of `ScaleHyperprior` too, makes of it in evaluation. Needs torch, numpy and compressai 1.2; nothing
of JAX. All runs on the CPU in float32. Layouts are PyTorch's.

    python eval/verify/dump_compressai.py --out tests/golden/mbt2018_mean.npz
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from compressai.models import MeanScaleHyperprior

WIDTHS = {"N": 4, "M": 6}
"""Channels of the transforms and the hyper-latent, and of the latent."""
_BUFFERS = ("_quantized_cdf", "_offset", "_cdf_length", "scale_table", "target", "bound", "pedestal")

_GAINS = {"g_a.6.weight": 20, "h_a.4.weight": 200, "h_s.4.weight": 10}


def lively(net: Any, seed: int) -> None:
    """Moves the weights of `net` so that every part matters: norms have off-diagonal terms, symbols are not all 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in net.named_parameters():
            noise = torch.rand(value.shape, generator=generator)
            if name.endswith((".beta", ".gamma")):
                value += 0.3 * noise
            elif name.endswith("quantiles"):
                value += noise - 0.5
            elif name in _GAINS:
                value *= _GAINS[name]
            elif name == "h_s.4.bias":
                value[: WIDTHS["M"]] += 0.5  # of the scales


def case(seed: int) -> dict[str, np.ndarray]:
    """Arrays by name: "weight/…", the image uint8 [1, 3, 64, 128], and the results."""
    torch.manual_seed(seed)
    net = MeanScaleHyperprior(**WIDTHS).eval()
    lively(net, seed)
    pixels = torch.randint(
        0, 256, (1, 3, 64, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed + 1)
    )
    with torch.no_grad():
        output = net(pixels / 255)
        y = net.g_a(pixels / 255)
        z = net.h_a(y)
        z_hat, _ = net.entropy_bottleneck(z)
        scales, means = net.h_s(z_hat).chunk(2, 1)
    results = {
        "image": pixels, "y": y, "z": z, "z_hat": z_hat, "means": means, "scales": scales, "x_hat": output["x_hat"],
        "likelihood_y": output["likelihoods"]["y"], "likelihood_z": output["likelihoods"]["z"],
    }  # fmt: skip
    weights = {f"weight/{name}": value for name, value in net.state_dict().items() if not name.endswith(_BUFFERS)}
    return {name: value.numpy() for name, value in (weights | results).items()}


def main() -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="OUT.npz")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    arrays = case(options.seed)
    np.savez_compressed(options.out, **arrays)
    sys.stdout.write(f"{options.out}: {len(arrays)} arrays, {options.out.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
