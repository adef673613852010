"""A look at one answer: where the model attends, and how sure it is of each digit.

For who asks why a model answers as it does; no stage depends on it but for a picture.
"""
