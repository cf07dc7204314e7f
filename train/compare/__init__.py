"""Matched experiments: `python -m train.compare`, variants of a run trained on equal terms and compared.

`options` is its command line, `variants` what a variant is, `experiment` trains all of them with every seed and keeps
what came out (`results`), `real_files` codes photos, `intervals` are the statistics, `tables` and `plots` what people
see. Nothing imports it; it may import every room of training but `plan`.
"""
