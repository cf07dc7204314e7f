"""Write a verification case from your own PyTorch checkpoint, beside your own checkout of the reference.

The case is a pair of files, `NAME.json` and `NAME.npz`: what the released code of "Causal Context Adjustment Loss for
Learned Image Compression" (Han et al., NeurIPS 2024; repository LabShuHangGU/CCA) computes for your weights and your
photo in evaluation, in coding and in a few training steps. Needs torch, numpy, Pillow, the checkout and what the
checkout itself imports (CompressAI 1.2); nothing of JAX. All runs on the CPU in float32; the checkout is not edited.
It shares `verify/reference_inputs.py` with the benchmark beside PyTorch: copy both if you copy it.

    python dump_reference.py --reference PATH/TO/CCA --checkpoint CKPT.pth.tar --image PHOTO.png --out my_case

Layouts are PyTorch's: images [B,3,H,W] in 0..1, latents y [B,M,H/16,W/16], hyper-latents z [B,Z,H/64,W/64].
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import numpy as np
import torch
from verify.reference_inputs import PROP_EXPONENT, BadInputError, load_image, load_model, parameters_of, write_case


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        """Leave with status 2 and `message` on stderr."""
        self.exit(2, f"dump_reference: {message}\n")


def draw(seed: int, tag: str) -> np.random.Generator:
    """The generator of everything that a case does not store: noise and probes are a function of (seed, tag)."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(f"{seed}:{tag}".encode())))


def noisy_quantize(noise: np.ndarray) -> Callable[..., torch.Tensor]:
    """An entropy model's `quantize` for one training forward, adding given `noise` [B,C,h,w] and not its own draw."""
    rest = torch.from_numpy(noise)

    def quantize(inputs: torch.Tensor, mode: str, means: torch.Tensor | None = None) -> torch.Tensor:
        """`inputs` ([C,1,B*h*w] from a factorised density, a slice [B,c,h,w] otherwise) plus its share of the noise."""
        nonlocal rest
        assert mode == "noise", mode  # the reference's own rounding of the slices does not come this way
        if inputs.dim() == 3:
            return inputs + rest.transpose(0, 1).reshape(inputs.shape)
        now, rest = rest.split([inputs.shape[1], rest.shape[1] - inputs.shape[1]], 1)  # slices arrive in order
        return inputs + now

    return quantize


def forward_with_noise(net: Any, x: torch.Tensor, seed: int, step: int) -> dict[str, Any]:
    """The training forward on x [B,3,H,W] with the four draws from U(-1/2,1/2) that belong to `step`."""
    b, _, h, w = x.shape
    y_shape = (b, sum(net.size_slices), h // 16, w // 16)
    draws = {
        "z": (net.z_entropy_bottleneck, (b, net.z_entropy_bottleneck.channels, h // 64, w // 64)),
        "y": (net.gaussian_conditional, y_shape),
        "y_factorized": (net.aux_entropymodel.y_entropy_bottleneck, y_shape),
        "y_aux": (net.aux_entropymodel.gaussian_conditional, y_shape),
    }
    with contextlib.ExitStack() as stack:  # replaces methods of these instances alone: the checkout stays as it is
        for tag, (module, shape) in draws.items():
            noise = draw(seed, f"noise:{step}:{tag}").uniform(-0.5, 0.5, shape).astype(np.float32)
            stack.enter_context(mock.patch.object(module, "quantize", noisy_quantize(noise)))
        return net(x)


def objective(out: dict[str, Any], x: torch.Tensor, rate_weight: float, cca_weight: float) -> dict[str, torch.Tensor]:
    """The released objective and its terms, scalars: rates in bits per pixel, `mse` for intensities in 0..1."""
    # The reference's names mislead: its "y_aux" is the factorised density, its "y_cca" the auxiliary slices.
    p_f, p_aux = out["aux_likelihoods"]["y_aux"], out["aux_likelihoods"]["y_cca"]
    to_bits = -1.0 / (math.log(2) * x[:, 0].numel())  # of natural logarithms, per pixel
    likelihoods = {"bpp_y": out["likelihoods"]["y"], "bpp_z": out["likelihoods"]["z"], "bpp_y_aux": p_aux}
    terms = {name: p.log().sum() * to_bits for name, p in likelihoods.items()}
    terms["cca"] = terms["bpp_y"] - terms["bpp_y_aux"]
    terms["aux_rate"] = (p_aux * p_f.log()).sum() * to_bits
    terms["mse"] = (out["x_hat"] - x).square().mean()
    rate = rate_weight * (terms["bpp_y"] + terms["bpp_z"])
    terms["loss"] = 0.05 * 255**2 * terms["mse"] + rate + cca_weight * terms["cca"] + terms["aux_rate"]
    return terms


def as_numbers(terms: dict[str, torch.Tensor]) -> dict[str, float]:
    """The scalars as Python floats; values that are not finite are refused."""
    numbers = {name: float(term.detach()) for name, term in terms.items()}
    if odd := [name for name, number in numbers.items() if not math.isfinite(number)]:
        raise BadInputError(f"{', '.join(odd)} came out as not finite: these weights do not compute on this image")
    return numbers


@torch.no_grad()
def run_eval(net: Any, x: torch.Tensor, args: argparse.Namespace) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Evaluation on x [B,3,H,W] (rounding, no noise): the JSON's `eval` and `quantile_loss`, the arrays `eval/*`."""
    net.eval()
    out = net(x)
    tensors = {"y": out["y"], "x_hat": out["x_hat"], "z": net.h_a(out["y"])}
    tensors.update({f"likelihood_{name}": out["likelihoods"][name] for name in ("y", "z")})
    tensors["likelihood_y_aux"] = out["aux_likelihoods"]["y_cca"]
    tensors["likelihood_y_factorized"] = out["aux_likelihoods"]["y_aux"]
    terms = as_numbers(objective(out, x, args.rate_weight, args.cca_weight))
    facts = {"eval": terms, **as_numbers({"quantile_loss": net.aux_loss()})}
    return facts, {f"eval/{name}": value.numpy() for name, value in tensors.items()}


@torch.no_grad()
def run_code(net: Any, x: torch.Tensor) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Image 0 of x through the reference's coder and back: the JSON's `code`, the arrays `code/*`."""
    net.eval()
    seen: dict[str, list[torch.Tensor]] = {"y_symbols": [], "y_indexes": [], "z_symbols": []}
    margins: list[float] = []

    def spy(module: Any, method: str, key: str) -> contextlib.AbstractContextManager[Any]:
        """Within the block, keep what `module.method` returns under `key`, and how near a rounding came to flipping."""
        original = getattr(module, method)

        def listen(inputs: torch.Tensor, *rest: Any) -> torch.Tensor:
            """The method itself, overheard."""
            seen[key].append(original(inputs, *rest))
            if method == "quantize":
                offset = inputs - rest[1]
                margins.append(0.5 - float((offset - offset.round()).abs().max()))
            return seen[key][-1]

        return mock.patch.object(module, method, listen)

    with contextlib.ExitStack() as stack:
        stack.enter_context(spy(net.gaussian_conditional, "quantize", "y_symbols"))
        stack.enter_context(spy(net.gaussian_conditional, "build_indexes", "y_indexes"))
        stack.enter_context(spy(net.z_entropy_bottleneck, "quantize", "z_symbols"))
        coded = net.compress(x[:1])
    arrays = {f"code/{name}": torch.cat(parts, 1)[0].numpy() for name, parts in seen.items()}
    if any(np.abs(values).max() > np.iinfo(np.int16).max for values in arrays.values()):
        raise BadInputError("a symbol exceeds 16 bits: this checkpoint does not code this image sensibly")
    arrays = {name: v.astype(np.int8 if name == "code/y_indexes" else np.int16) for name, v in arrays.items()}
    arrays["code/x_hat"] = net.decompress(coded["strings"], coded["shape"])["x_hat"].numpy()
    arrays["code/scale_table"] = net.gaussian_conditional.scale_table.numpy()
    (y_string, *_), (z_string, *_) = coded["strings"]
    return {"code": {"min_rounding_margin": min(margins), "y_bytes": len(y_string), "z_bytes": len(z_string)}}, arrays


def run_train(net: Any, x: torch.Tensor, args: argparse.Namespace) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """`args.steps` optimiser steps on x [B,3,H,W]; changes `net`. The JSON's `train`, the arrays `train/*`."""
    net.train()
    named = parameters_of(net)
    probes = {k: draw(args.seed, f"probe:{k}").standard_normal(p.shape, dtype=np.float32) for k, p in named.items()}
    before = {name: p.detach().clone() for name, p in named.items()}
    main = torch.optim.Adam([p for name, p in named.items() if not name.endswith(".quantiles")], lr=1e-4)
    second = torch.optim.Adam([p for name, p in named.items() if name.endswith(".quantiles")], lr=1e-3)
    steps, arrays = [], {}

    def products(tensors: dict[str, torch.Tensor]) -> np.ndarray:
        """Each tensor's inner product with its probe, in float64."""
        return np.array([np.sum(t.numpy().astype(np.float64) * probes[name]) for name, t in tensors.items()])

    for step in range(args.steps):
        net.zero_grad()
        out = forward_with_noise(net, x, args.seed, step)
        terms = objective(out, x, args.rate_weight, args.cca_weight)
        terms["loss"].backward()
        if step == 0:
            grads = {k: torch.zeros_like(p.data) if p.grad is None else p.grad.clone() for k, p in named.items()}
            arrays["train/grad_norm"] = np.array([float(g.double().norm()) for g in grads.values()])
            arrays["train/grad_probe"] = products(grads)
            arrays["train/x_hat"] = out["x_hat"].detach().numpy()
        terms["grad_norm"] = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        main.step()
        terms["quantile_loss"] = net.aux_loss()  # moves only the quantiles: the reference detaches the densities in it
        terms["quantile_loss"].backward()
        second.step()
        steps.append(as_numbers(terms))
    arrays["train/param_probe"] = products({name: p.detach() - before[name] for name, p in named.items()})
    return {"train": steps}, arrays


def make_case(net: Any, x_uint8: np.ndarray, args: argparse.Namespace) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """All that a case says of `net` on the image(s) x_uint8 [B,3,H,W]; the training steps, if any, change `net`."""
    weights = {name: p.detach().numpy().copy() for name, p in parameters_of(net).items()}
    x = torch.from_numpy(x_uint8).float() / 255
    facts: dict[str, Any] = {
        **{name: getattr(args, name) for name in ("seed", "rate_weight", "cca_weight")},
        "prop_exponent": PROP_EXPONENT,
        "slice_sizes": list(net.size_slices),
        "batch": x.shape[0],
        "hw": list(x.shape[2:]),
        "weights": "stored",
        "parameters": [{"name": name, "shape": list(value.shape)} for name, value in weights.items()],
    }
    arrays = {"x_uint8": x_uint8}
    runs = [run_eval(net, x, args), run_code(net, x), *([run_train(net, x, args)] if args.steps else [])]
    for run_facts, run_arrays in runs:
        facts.update(run_facts)
        arrays.update(run_arrays)
    facts["weights_crc32"] = {name: zlib.crc32(weights[name].tobytes()) for name in list(weights)[::97]}
    return facts, {**arrays, **{f"w/{name}": value for name, value in weights.items()}}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = OneLineParser(description="Write a verification case from your own PyTorch checkpoint of CCA.")
    parser.add_argument("--reference", required=True, help="your checkout of the reference (holds models/vae.py)")
    parser.add_argument("--checkpoint", required=True, help="a training checkpoint, auxiliary model included")
    parser.add_argument("--image", required=True, help="a photo; its centre is used")
    parser.add_argument("--out", required=True, help="writes OUT.json and OUT.npz")
    parser.add_argument("--crop", nargs=2, type=int, default=(256, 256), metavar=("H", "W"), help="at most this large")
    parser.add_argument("--steps", type=int, default=3, help="training steps; 0 leaves training out")
    parser.add_argument("--rate-weight", type=float, default=0.3, help="the reference's --beta")
    parser.add_argument("--cca-weight", type=float, default=1.0, help="the reference's --alpha")
    parser.add_argument("--seed", type=int, default=0, help="of the noise and the probes")
    args = parser.parse_args(argv)
    if args.steps < 0:
        parser.error(f"--steps must be 0 or more, not {args.steps}")
    if not Path(args.out).resolve().parent.is_dir():
        parser.error(f"--out {args.out}: there is no such folder")
    return args


def main(argv: list[str] | None = None) -> int:
    """Parse, build, call, write; returns the exit status."""
    args = parse_args(argv)
    try:
        x_uint8 = load_image(args.image, tuple(args.crop))
        net, config = load_model(args.reference, args.checkpoint)
        facts, arrays = make_case(net, x_uint8, args)
    except BadInputError as error:
        sys.stderr.write(f"dump_reference: {error}\n")
        return 2
    text = json.dumps({"case": Path(args.out).name, "config": config, **facts}, indent=0, allow_nan=False)
    try:
        write_case(args.out, text, arrays)
    except OSError as error:
        sys.stderr.write(f"dump_reference: cannot write the case {args.out}: {error}\n")
        return 2
    sys.stdout.write(f"{args.out}.json, {args.out}.npz: image {facts['hw'][0]}x{facts['hw'][1]}, {args.steps} steps\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
