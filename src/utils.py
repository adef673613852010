"""A seed for each purpose, and what training costs in floating-point operations."""

import numpy as np
from torch import nn

from .layers import MoELayer
from .models import TransformerLM

STREAMS = ("initialisation", "batch order", "dropout")


def derive_seed(seed: int, stream: str, rank: int = 0) -> int:
    """The seed of one random stream: drawing more from one does not change the others.

    Args:
        seed: `training.seed` of params.yaml.
        stream: one of `STREAMS`.
        rank: of the process, where several must not draw the same numbers.
    """
    return int(np.random.SeedSequence([seed, STREAMS.index(stream), rank]).generate_state(1)[0])


def training_flops(model: TransformerLM, T: int, A: int) -> int:
    """Floating-point operations of a forward and a backward pass over one sequence.

    6 for each pair of a weight and a token that it is multiplied with, and ``12 * C`` for each pair
    of a query and a key: Chowdhery et al. 2022 (arXiv 2204.02311), appendix B. Counted are the
    weights of linear layers; of a mixture of experts only those of the top-k experts. The head and
    the last block compute the answer's positions only, except for the last block's keys and values.

    Args:
        T: tokens that the model reads.
        A: positions whose next token belongs to the answer.
    """
    C = model.token_embedding.embedding_dim
    answer_only = _linear_weights(model.blocks[-1]) - 2 * C * C + _linear_weights(model.lm_head)
    weight_tokens = T * (_linear_weights(model) - answer_only) + A * answer_only
    query_keys = (len(model.blocks) - 1) * T * T + A * T
    return 6 * weight_tokens + 12 * C * query_keys


def _linear_weights(module: nn.Module) -> int:
    """Weights of linear layers that one token is multiplied with."""
    modules = list(module.modules())
    weights = sum(m.weight.numel() for m in modules if isinstance(m, nn.Linear))
    return weights - sum(m.inactive_parameters() for m in modules if isinstance(m, MoELayer))
