"""Training: `training` times steps, `data` the pipeline that feeds them."""
