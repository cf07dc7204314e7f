"""Photos to image files: each format holds what it can, and a note says what it cannot.

`formats` is the table of formats, `encode` the one writer, `profile` the colours that a file is written in; `png` and
`tiff` write what Pillow does not. The command line and the Pillow plugin import it; it imports `photo`.
"""
