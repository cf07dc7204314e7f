"""Where pixels and latents lie: tiles, halos, seams and buckets of shapes.

`geometry` cuts an area into tiles, in units of 64 pixels; `halo` gives each tile's latent its neighbours' margin,
`blending` fades one tile's pixels into the next's (both hold a row or two of tiles, never an image); `buckets` chooses
the array shapes that programs are compiled for. The codec and the bitstream import it; it knows no model.
"""
