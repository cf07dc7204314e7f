"""Folders of many photos: `folders` times whole commands over one, beside other codecs; `scale` says how cost grows."""
