"""Fuzz the readers: any input is read rightly, or refused in one line; nothing else comes out.

python -m tests.fuzz --inputs 1000
"""
