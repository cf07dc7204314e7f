"""What was measured, as typed records: `records` of single images, `results` of a whole run, `machine` where.

`python -m eval.results` writes the JSON schema. All of evaluation may import it; it imports nothing of evaluation.
"""
