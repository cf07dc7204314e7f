"""What a run would be, without running it: `dry_run` words it, `memory` asks the compiler what a step takes.

`compile_for` compiles the step for devices that need not be there, and `compile_report` words what that says.

The command line imports it; it may import every other room of training but `run`.
"""
