"""What a run would be, without running it: `dry_run` words it, `memory` asks the compiler what a step takes.

`compile_for` compiles the step for devices that need not be there, and `compile_report` words what that says;
`accelerators/` knows the chips and reads compiled programs. The command line, `run` and the benchmarks import it; it
may import `checkpoints` and what is below.
"""
