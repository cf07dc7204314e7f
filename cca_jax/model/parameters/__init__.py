"""A configuration's parameters as named arrays.

`shapes` knows them without computing anything, `initialize` draws them, `cost` counts multiply-accumulates by them.
"""
