"""What files are made of: boxes of the ISO base media file format, segments of JPEG, tags of TIFF, and Exif.

Pure functions of bytes that the formats beside this folder share; they decode no picture, and import nothing of the
library but `color` and `errors`.
"""
