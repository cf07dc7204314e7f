"""What a run is asked to be.

`config` is all that decides what it computes, `options` the command line, `presets` what a preset's runs take by
default, `durations` lengths in steps or epochs, `optimizers` which there are. All of training may import it; it imports
nothing of training.
"""
