"""Questions to the insides of trained models: what they attend to, know and depend on in a sum.

For who studies how a model adds; nothing of the pipeline imports it.
"""
