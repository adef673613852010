"""Activation functions in the form that is cheapest to compile."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def gelu(x: Tensor) -> Tensor:
    """The tanh form of GELU: Hendrycks and Gimpel 2016 (arXiv 1606.08415).

    ``x (1 + tanh(u)) / 2`` with ``u = sqrt(2 / pi) (x + 0.044715 x^3)``.
    """
    if not torch.compiler.is_compiling():
        return F.gelu(x, approximate="tanh")
    # The same function, as (1 + tanh(u)) / 2 = sigmoid(2 u); exp is much cheaper to compute.
    return x * torch.sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))
