"""Checkpoints to and from Hugging Face's transformers.

For those who take a model elsewhere, or bring one.
"""
