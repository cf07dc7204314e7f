"""Image files to arrays and back, and the file system's edge.

`photo` reads a picture with all that it holds, through `formats` (what files say) and `color` (what that means).
`images` reads it as the codec sees it, and writes files. `files` expands lists of paths and writes files that appear
whole or not at all. The command line and the applications import it; it imports nothing of the library.
"""
