"""Other people's problems as a data set.

For who brings files; the pipeline generates its own.
"""
