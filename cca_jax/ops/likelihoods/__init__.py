"""What a symbol costs: the densities that symbols are coded under, and the scales that have a coding table.

`density` integrates a Gaussian, a Laplacian or the fully factorised density over a bin; `scales` counts the scales by
index. Pure functions; every room may import it, and of the library it imports `ops.quantization` alone.
"""
