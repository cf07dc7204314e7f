"""Models that leave: their functions as StableHLO programs, with all that decoding and encoding need beside them.

`parts` names the functions and their arrays, `slices` are those between the symbols of z and the decoded latent,
`stablehlo` makes them programs, `manifest` is the JSON that describes them, `write` makes the folder. The command line
imports it; it may import bundles, the bitstream and the model.
"""
