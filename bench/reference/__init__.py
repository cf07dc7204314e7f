"""Beside the released PyTorch code: `reference` times both in turn, `reference_worker` is the other process."""
