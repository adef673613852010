"""What training costs, in floating-point operations, whatever the machine."""

from torch import nn

from .layers import MoELayer
from .models import TransformerLM


def training_flops(model: TransformerLM, T: int) -> int:
    """Operations of a forward and a backward pass over one sequence.

    ``T * (6 * weights + 12 * n_layers * C * T)``: Chowdhery et al. 2022 (arXiv 2204.02311),
    appendix B. Weights are those of matrix products that one token goes through: no embedding is
    multiplied, and of a mixture only the experts that serve the token are.

    Args:
        T: tokens that the model reads.
    """
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    weights = sum(module.weight.numel() for module in linear)
    weights -= sum(m.inactive_parameters() for m in model.modules() if isinstance(m, MoELayer))
    C = model.token_embedding.embedding_dim
    return T * (6 * weights + 12 * len(model.blocks) * C * T)
