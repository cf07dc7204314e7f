"""PyTorch weights of the released code to ours and back.

`names` maps state dicts to parameters, `checkpoint` reads the published `.pth.tar` files and writes model bundles.
"""

from cca_jax.convert.names import params_from_torch, torch_from_params

__all__ = ["params_from_torch", "torch_from_params"]
