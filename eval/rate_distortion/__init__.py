"""Rate–distortion arithmetic: `bd_matrix` of a run, `means` over images, published `curves/` as data.

`metrics/` measure distortion beside PSNR and MS-SSIM. `evaluate`, the runner and the report import it; it may import
codecs and results.
"""
