"""Errors, paths, files that appear whole, YAML 1.2.

What every other wing stands on; it stands on none.
"""
