"""The model as a codec calls it: compiled steps, and what coding tables are made of.

`coding_steps` are the steps of one image, `batched_steps` the same for several at once, `tables` the densities of the
hyper-latent at integers. Bundles and the codec import it; it may import the rest of the model.
"""
