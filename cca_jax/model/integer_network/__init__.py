"""The integer network: scale indexes that every machine computes alike (Ballé, Johnston and Minnen 2019).

`arithmetic` computes with integers that float32 holds exactly, `layers` are the layers made of it, `rate` is the input
that states the rate, `surprise` and `context` read decoded slices, `scales` is the network. `cca` and `auxiliary` run
it.
"""
