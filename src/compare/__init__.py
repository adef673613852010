"""Tables of finished DVC experiments: runs, architectures, paired tests.

For those who compare runs; nothing of the pipeline imports it.
"""
