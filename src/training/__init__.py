"""What makes a training run: optimizers, states to resume from, several processes, its results.

For who changes how models are trained; the loss and the step are in `lightning_module`.
"""
