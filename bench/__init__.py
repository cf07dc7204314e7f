"""Benchmarks: `python -m bench`, medians and spread of what the codec does on this machine."""
