"""Which codecs and measures results know; apart from the records, whose libraries the demo does without."""

from typing import Literal

Kind = Literal["ours", "conventional"]
"""Which side of a comparison a codec is on."""

MetricName = Literal["psnr", "ms_ssim_db", "psnr-hvs", "psnr-hvs-m", "vmaf", "ssimulacra2", "butteraugli"]
"""What quality is measured by, in comparisons; those after the first two are also keys of `ImageRecord.metrics`."""
