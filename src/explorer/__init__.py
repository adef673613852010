"""One HTML page on which trained models answer live, and show how they came to their answers.

For who wants to look before they read, and for who teaches; nothing of the pipeline imports it.
"""
