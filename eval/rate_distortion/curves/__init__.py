"""Rate–distortion curves as others published them, one JSON file a codec: data, each curve with its source.

Curves of one data set are only comparable as far as their fields agree: learned codecs are often reported with PSNR of
unrounded output (`pixels`: "float", which flatters BD-rate by 0.3 to 0.5 points) and with likelihood estimates in place
of files (`rate`: "estimate"). CompressAI's "clic2020-professional" is another set than the 41 validation images of
"clic-pro-valid" (VTM is 2 dB better on it at equal rate), and is therefore not here.
"""

from eval.rate_distortion.curves.load import (
    DATASETS,
    Dataset,
    PublishedCurve,
    identify_dataset,
    load_curves,
    published_curves,
)

__all__ = ["DATASETS", "Dataset", "PublishedCurve", "identify_dataset", "load_curves", "published_curves"]
