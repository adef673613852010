"""A training run: optimizers, states to resume from, several processes, the files it writes.

For who changes how models are trained; the loss and the step are in `lightning_module`.
"""
