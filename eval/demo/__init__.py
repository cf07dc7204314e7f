"""`python -m eval.demo`: one photo to a file and back beside JPEG (`demo`), and its picture (`side_by_side`).

Nothing imports it; it may import codecs.
"""
