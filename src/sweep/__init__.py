"""Experiments on a Ray cluster.

For who has one; nothing of the pipeline imports it.
"""
