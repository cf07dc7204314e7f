"""Where inputs and outputs of a run are.

`stores` are folders of this machine or stores that fsspec knows, `streams` pipes, `archives` tar files and tables of
pictures; a place is one file or one picture in them (`places`). The rest of `bulk` and the command line import it; of
the library it imports `image_io` alone.
"""
