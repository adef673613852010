"""Grading: which answers are right, of what kind the wrong ones are, over all problems if wanted.

For who asks what a model has learned.
"""
