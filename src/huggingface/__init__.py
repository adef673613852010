"""Checkpoints to and from Hugging Face's transformers.

For who leaves with a model, or comes with one.
"""
