"""What samples mean as colours, and their way to sRGB.

`spaces` types what a file can say, `primaries` and `transfer` hold the standards' numbers, `icc` asks LittleCMS, `lab`
and `tone_mapping` are formulae, and `convert` takes a picture's samples through what its file says. `formats` makes
the statements; `photo` calls `convert`. It imports nothing but `errors`.
"""
