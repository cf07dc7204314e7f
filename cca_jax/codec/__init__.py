"""Images to `.cca` bytes and back: the only room where the model and the bytes meet.

`codec` holds `Codec`, `trained_model` what it is made of, `encoding_plan` how an image is to be coded, `encoding` what
it makes of an image, `file_checks` whether a file is the model's, `limits` how large an image may be; `source` what is
coded of a picture, `photo_boxes` its boxes, `samples` its samples of 8 and 16 bits; `coding_ways` codes tiles,
`decoding` decodes a file; `image_coder` takes an image through tiles, `tile_coder` a tile through the compiled steps,
`latent_coding` a latent to its streams; `precompile` compiles ahead, `quality_search` finds the quality for a size or a
PSNR, `stopwatch` adds up seconds; `batches` takes many images in one call, `batch_coder` those of one bucket through
the steps at once; `effort/` searches better latents. The command line and the applications import it; it may import
every room but `cli` and `convert`.
"""
