"""A configuration's parameters as named arrays.

`shapes` knows them without computing anything, `initialize` draws them, `cost` counts multiply-accumulates by them,
`picture_only` says which of them no coded symbol depends on.
"""
