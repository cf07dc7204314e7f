"""Training of CCA models: `python -m train`.

`recipe/` is what a run is asked to be, `data/` its photos, `step/` one optimiser step and what it is made of, `init/`
first parameters, `checkpoints/` what a run leaves on disk, `run/` the loop, what happens between steps and what a
person sees, `plan/` what would run, `compare/` matched experiments; `export` makes a bundle of a run. Evaluation and
benchmarks may import it, the library never; it may import every room of the library.
"""
