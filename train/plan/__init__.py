"""What a run would be, without running it: `dry_run` words it, `memory` asks the compiler what a step takes.

The command line imports it; it may import every other room of training but `run`.
"""
