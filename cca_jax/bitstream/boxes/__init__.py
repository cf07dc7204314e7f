"""Boxes of format version 4: what a file carries beside the streams of its picture (docs/file/format.md).

`section` frames boxes and checks them, `kinds` numbers those that are known, `picture` says what samples the original
had, `alpha` codes transparency, `metadata` colour profile, Exif and XMP. Only `section` and `kinds` concern `header`
and `container`; the codec maps the others to a photo and back. They import `fields` and the errors of coding.
"""
