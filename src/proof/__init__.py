"""Files of weights from anywhere: what proves that they are what they say.

Whatever is wrong with one is found before a model is built from it.
"""
