"""What moves the parameters: an `optax.GradientTransformation`, and what is done to a gradient before it.

`adam` is the released one, `optimizer` any by name, `layout` how the parameters lie before it (one vector or an array
each), `clipping` the bound of the gradient's norm, `averaging` the moving average. The step and its state import it.
"""
