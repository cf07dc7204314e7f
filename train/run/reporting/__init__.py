"""What a person sees of a run: `metrics.jsonl`, the console's lines, TensorBoard.

The loop and `compare` import it; it may import recipes.
"""
