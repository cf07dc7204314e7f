"""The command line's only door to models and codecs.

`image_codec` says what a codec can do, `codecs` finds the one of a model or of a file, `cca_files` what a file says
without a model (`box_facts` of its boxes), `models` what is installed. The commands import it, and the applications
`codecs`. It may import every room below the command line; what is heavy it imports when a function is called.
"""
