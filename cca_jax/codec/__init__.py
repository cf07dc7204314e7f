"""Images to `.cca` bytes and back: the only room where the model and the bytes meet.

`codec` holds `Codec`, `trained_model` what it is made of, `encoding_plan` how an image is to be coded, `encoding` what
it makes of an image. `coding_ways` codes tiles, `decoding` decodes a file, `batches` takes many images in one call,
`quality_search` finds the quality for a size or a PSNR. `checks/` say what is refused, `pictures/` are what is given
and given back, `tiles/` the way through the compiled steps, `effort/` searches better latents. The command line and the
applications import it; it may import every room but `cli` and `convert`.
"""
