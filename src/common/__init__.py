"""Errors, paths, files written whole or not at all, YAML 1.2.

Every other wing imports it; it imports none.
"""
