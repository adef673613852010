"""Many experiments, some at a time on this machine, or on a Ray cluster.

For who compares runs; nothing of the pipeline imports it.
"""
