"""Training: `training` times steps, `lowerings` what of it is lowered for the CPU alone, `data` the pipeline."""
