"""Encoding with effort: the latent is searched by gradients through the decoder, under the file's own rate.

`levels` are how much; `objective` is what a search makes smaller and `descent` its compiled steps; `search` takes a
tile from the networks' latent to the best one found, `choice` compares whole files. `codec` calls it; what it gives is
coded by the same steps as any latent, and the decoder does not know.
"""
