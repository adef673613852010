"""Errors, paths, files and folders written whole or not at all, YAML 1.2.

Every other wing imports it; it imports none.
"""
