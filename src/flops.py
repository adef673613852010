"""What training costs, in floating-point operations, whatever the machine."""

from torch import nn

from .layers import MoELayer
from .models import TransformerLM


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
