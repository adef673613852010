"""Speed: the fast forms of what the spine says plainly, and what depends on the processor.

Each is tested equal to the plain form. Who reads the architectures may skip it.
"""
