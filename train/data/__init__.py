"""Photos for training and validation, from folders and TensorFlow datasets.

`photos` opens what a person names (`folder`, `tfds`) and splits it (`splits`), `decode` makes pixels of files,
`crops` cuts one photo, `pipeline` makes the batches of a run and `batches` hands them out, `packed` holds all photos
for a device, `validation` cuts what validation sees; `workers` is the other end of its processes.
"""

from train.data.batches import TrainingBatches
from train.data.photos import Photos, open_photos
from train.data.pipeline import steps_per_epoch, training_batches
from train.data.source import PhotoSource
from train.data.validation import center_crops

__all__ = [
    "PhotoSource",
    "Photos",
    "TrainingBatches",
    "center_crops",
    "open_photos",
    "steps_per_epoch",
    "training_batches",
]
