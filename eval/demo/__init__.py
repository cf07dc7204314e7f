"""`python -m eval.demo`: one photo to a file and back beside JPEG (`demo`).

`side_by_side` draws both whole, `detail` a small part of them for a page; `progressive` decodes a file slice by slice;
`anatomy/` says what a file is made of. Only the notebooks import it; it may import codecs and the report's plots.
"""
