"""Arithmetic problems: what they are, how they are written, and files of them read and checked.

Only numpy. Who wants to know what a model is shown starts here.
"""
