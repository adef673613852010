"""A seed for each purpose, and what training costs in floating-point operations."""

import numpy as np
from torch import nn

from .layers import MoELayer
from .models import TransformerLM

STREAMS = ("initialisation", "batch order", "dropout")


def derive_seed(seed: int, stream: str, rank: int = 0) -> int:
    """The seed of one stream, so that drawing more from one does not move the others.

    Args:
        seed: what params.yaml says.
        stream: one of `STREAMS`.
        rank: of several processes that must not draw the same.
    """
    return int(np.random.SeedSequence([seed, STREAMS.index(stream), rank]).generate_state(1)[0])


def training_flops(model: TransformerLM, T: int, A: int) -> int:
    """Operations of a forward and a backward pass over one sequence.

    6 for each weight and token that it is multiplied with, and ``12 * C`` for each pair of a query
    and a key: Chowdhery et al. 2022 (arXiv 2204.02311), appendix B. Weights are those of matrix
    products that one token goes through: no embedding is multiplied, and of a mixture only the
    experts that serve the token are. The head and the last block, its keys and values excepted,
    serve only the places that answer.

    Args:
        T: tokens that the model reads.
        A: places whose next token belongs to the answer.
    """
    C = model.token_embedding.embedding_dim
    answering = _weights(model.blocks[-1]) - 2 * C * C + _weights(model.lm_head)
    products = T * (_weights(model) - answering) + A * answering
    pairs = (len(model.blocks) - 1) * T * T + A * T
    return 6 * products + 12 * C * pairs


def _weights(module: nn.Module) -> int:
    modules = list(module.modules())
    weights = sum(m.weight.numel() for m in modules if isinstance(m, nn.Linear))
    return weights - sum(m.inactive_parameters() for m in modules if isinstance(m, MoELayer))
