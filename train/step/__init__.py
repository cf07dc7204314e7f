"""One optimiser step, pure, and what it is made of.

`step` is the step, `state` what it takes and gives, `optimizers/` what moves the parameters, `schedules` functions of
the step's number, `rates` which rate each image is trained for. `mesh` are the devices, `sharding` how a state is
divided among them, `exchange` what they tell each other, `placement` where a run's state lies. `compiled` is the step
of a run, `compiled_window` several of them in one call, which cut their own crops (`device_crops`). Start, run, plan
and checkpoints import it; it may import recipes and packed photos.
"""
