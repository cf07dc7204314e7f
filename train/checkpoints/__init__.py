"""What a run leaves on disk: `checkpoints` saves and restores states, `saved_run` reads a run's folder back.

`wholeness` tells which of them are whole.

Start, run, plan and export import it; it may import recipes and the state of a step.
"""
