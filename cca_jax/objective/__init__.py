"""What training minimises, and what people report.

`loss` is the rate–distortion objective with the CCA term (paper section 3.3), pure: (scalar, typed terms); `bits` makes
rates of likelihoods; `metrics` are PSNR and MS-SSIM, whose window is `gaussian_window`; `bd_rate` compares curves. The
codec's search, the command line and the applications import it; it may import the model and ops.
"""
