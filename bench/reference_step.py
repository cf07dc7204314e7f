"""Training steps of the released PyTorch model, one a line of standard input: `bench` times both sides in turn.

Needs torch, the user's checkout and what that imports; nothing of JAX.
"""

from __future__ import annotations

import argparse
import importlib
import math
import sys
import time
from pathlib import Path

import torch

_SHARES = [k**1.7 for k in range(1, 6)]


def main() -> None:
    """Says "ready", then answers each line with the seconds of one step of the released sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("batch_size", type=int)
    parser.add_argument("patch_size", type=int)
    options = parser.parse_args()
    sys.path.insert(0, str(options.reference.resolve()))
    model_class = importlib.import_module("models").LICAutoencoder
    net = model_class(
        M=320, prop_slices=_SHARES, ae_dim=[192, 224, 256], em_dim=224, ae_layers=[4, 4, 4], em_layers=4,
        cca_training=True,
    )  # fmt: skip
    named = dict(net.named_parameters())
    main_adam = torch.optim.Adam([p for name, p in named.items() if not name.endswith(".quantiles")], lr=1e-4)
    quantile_adam = torch.optim.Adam([p for name, p in named.items() if name.endswith(".quantiles")], lr=1e-3)
    image = torch.rand(options.batch_size, 3, options.patch_size, options.patch_size)
    pixels = options.batch_size * options.patch_size**2

    def step() -> None:
        main_adam.zero_grad()
        quantile_adam.zero_grad()
        output = net(image)
        likelihoods, auxiliary = output["likelihoods"], output["aux_likelihoods"]
        bits = {name: -torch.log2(p).sum() / pixels for name, p in likelihoods.items()}
        aux_bits = -torch.log2(auxiliary["y_cca"]).sum() / pixels
        factorized = -(auxiliary["y_cca"] * torch.log2(auxiliary["y_aux"])).sum() / pixels
        distortion = 0.05 * 255**2 * torch.square(output["x_hat"] - image).mean()
        loss = distortion + 1.8 * sum(bits.values()) + bits["y"] - aux_bits + factorized
        assert math.isfinite(loss.item())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        main_adam.step()
        net.aux_loss().backward()
        quantile_adam.step()

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        started = time.perf_counter()
        step()
        sys.stdout.write(f"{time.perf_counter() - started}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
