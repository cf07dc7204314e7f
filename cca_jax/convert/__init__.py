"""PyTorch weights of the released code to ours and back; models that leave, as programs (`export/`).

`parameter_map` is the table of both namings, `names` maps state dicts to parameters; `checkpoint` reads `.pth.tar`
files (`torch_file`, `pickles`, `numpy_arrays` and `tensors` their bytes, `weights` finds the weights in them) and makes
bundles; `write_checkpoint` writes them. The command line and the applications import it.
"""

from cca_jax.convert.names import params_from_torch, torch_from_params

__all__ = ["params_from_torch", "torch_from_params"]
