"""One HTML page with every figure of the finished experiments, that opens without a network.

For those who show results; nothing of the pipeline imports it.
"""
