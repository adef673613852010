"""Tables over finished DVC experiments: runs, architectures, paired tests.

For who compares; nothing of the pipeline imports it.
"""
