"""What each kind of file says: its samples, what they mean, and what comes with them.

A module a format, each with `decode(data) -> Raster`; `kinds` tells formats by their first bytes and picks the module.
`raster` is what they all return; `photo` makes a picture of it. `structures/` reads what several formats are made of.
It imports `color` and `errors` alone.
"""
