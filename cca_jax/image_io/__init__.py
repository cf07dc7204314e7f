"""Image files to arrays and back, and the file system's edge.

`images` reads what people have and writes what they ask for, `srgb` converts colours, `files` expands lists of paths
and writes files that appear whole or not at all. The command line and the applications import it; it imports nothing of
the library.
"""
