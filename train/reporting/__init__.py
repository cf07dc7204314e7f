"""What a person sees of a run: `metrics.jsonl`, the console's lines, TensorBoard.

The run imports it; it may import recipes.
"""
