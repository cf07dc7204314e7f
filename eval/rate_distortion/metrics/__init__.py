"""Measures of quality beside PSNR and MS-SSIM, which `cca_jax.objective.metrics` has.

`registry` names them all; `hvs` and `vmaf` call the libraries of the extra [metrics], `jxl_tools` the programs of
libjxl where they are on the PATH. The runner, the report, rate_distortion and `evaluate` import it; it may import
codecs and results.
"""
