"""Image files to arrays and back, and the file system's edge.

`photo` reads a picture with all that it holds, through `formats` (what files say) and `color` (what that means).
`images` reads it as the codec sees it; `writing` makes files of photos, `strip` leaves metadata out, `hidden_colors`
fills what transparency hides, `srgb_profile` labels. `files` expands lists of paths and writes files that appear whole
or not at all. The codec, the command line and the applications import it; it imports nothing of the library.
"""
