"""The parts that a configuration chooses by name, and those that come with the package.

`chosen` finds the parts of a configuration and takes those of users. `slice_model` is what is common to all that
predict slices. `naf` are the paper's transforms and hyper transforms, `slice_networks` its slices; `gdn` the transforms
of 2018, `mean_scale` the entropy model without context. The model, what describes its parameters, bundles and the
applications' recipes import it.
"""
