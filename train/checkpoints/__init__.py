"""What a run leaves on disk.

`checkpoints` saves and restores states, `wholeness` tells which of them are whole, `saved_run` reads a run's folder
back, `layouts` turns an optimizer's state of vectors into one of arrays, and back. Start, run, plan and export import
it; it may import recipes and the state of a step.
"""
