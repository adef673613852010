"""Many experiments on a Ray cluster.

For those who have a cluster; nothing of the pipeline imports it.
"""
