"""Where a run's time goes.

`goodput` divides the wall time, `data_wait` is how long devices wait for photos, `pace` and `utilization` how fast
steps are, `profile` takes traces. The loop imports it; it may import recipes and `plan/accelerators`.
"""
