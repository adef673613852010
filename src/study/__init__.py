"""A question as a file: its grid of runs, the runs that are missing, and the page that answers.

See docs/studies.md.
"""
