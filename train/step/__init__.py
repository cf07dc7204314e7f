"""One optimiser step, pure, and what it is made of.

`step` is the step, `optimizer` its clipping, Adam and average, `schedules` functions of the step's number, `rates`
which rate each image is trained for, `mesh` the devices; `compiled` is the step of a run, `compiled_window` several
of them in one call, which cut their own crops (`device_crops`). Start, run, plan and checkpoints import it; it may
import recipes and packed photos.
"""
