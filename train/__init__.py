"""Training of CCA models: `python -m train`.

`data` crops from a folder of photos, `schedules` pure functions of the step, `step` one optimiser step, `loop` runs,
reports and keeps a `checkpoint`, `export` makes a bundle of a run.
"""
