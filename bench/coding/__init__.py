"""A codec in this process: `codec` its seconds by part, `seams` what tiles cost."""
