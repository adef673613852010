"""The space of all problems of a kind, and how splits are drawn from it without overlap.

Only numpy. For who changes what is generated; training and evaluation only read the files.
"""
