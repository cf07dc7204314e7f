"""A tile's way through the compiled steps, and an image's way through its tiles.

`tile_coder` runs the steps, `latent_coding` takes a latent to its streams and back, `image_coder` an image through its
tiles, `batch_coder` several images of one bucket at once; `precompile` compiles ahead, `stopwatch` adds up seconds. The
rest of the codec imports it; it may import the encoding, limits and what is below the codec.
"""
