"""What a transformer block is made of: norms, MLPs, the mixture of experts, the block itself."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import CausalSelfAttention
from .ops.activation import gelu
from .ops.attend import pick
from .ops.experts import mix
from .ops.kv_cache import KVCache


class RMSNorm(nn.RMSNorm):
    """``x / sqrt(mean(x^2) + eps) * weight``: Zhang and Sennrich 2019 (arXiv 1910.07467).

    PyTorch's kernel with the eps that Llama-2 was published with.
    """

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__(d_model, eps=eps)


class GELUMLP(nn.Module):
    """``down(gelu(up(x)))`` with biases and the tanh form of GELU, as in GPT-2."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, d_ff)
        self.down = nn.Linear(d_ff, d_model)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        return self.down(gelu(self.up(x)))


class SwiGLUMLP(nn.Module):
    """``down(silu(gate(x)) * up(x))`` without biases: Shazeer 2020 (arXiv 2002.05202)."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=False)
        self.up = nn.Linear(d_model, d_ff, bias=False)
        self.down = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        return self.down(F.silu(self.gate(x)) * self.up(x))


@dataclass(frozen=True)
class Routing:
    """How one MoE layer routed the tokens of its last batch.

    Attributes:
        probabilities: the router's softmax over experts, (B, T, E).
        chosen: the experts that served each token, (B, T, K).
    """

    probabilities: Tensor
    chosen: Tensor

    def assignments(self, token_mask: Tensor | None = None) -> Tensor:
        """Number of tokens that each expert served, (E,)."""
        chosen = self.chosen.flatten(0, 1) if token_mask is None else self.chosen[token_mask]
        return torch.bincount(chosen.flatten(), minlength=self.probabilities.size(-1))

    def load(self, token_mask: Tensor | None = None) -> Tensor:
        """Share f of the (token, expert) assignments that each expert got, (E,), sum 1."""
        counts = self.assignments(token_mask)
        return counts / counts.sum()

    def entropy(self, token_mask: Tensor | None = None) -> Tensor:
        """Mean entropy of the router's softmax in nats: 0 if always certain, log E if uniform."""
        return torch.special.entr(self._real(token_mask)).sum(-1).mean()

    def load_balancing_loss(
        self, token_mask: Tensor | None = None, load: Tensor | None = None
    ) -> Tensor:
        """``E * sum_i f_i P_i``: 1 when balanced, E when all tokens go to one expert.

        Switch Transformer (Fedus et al. 2021, arXiv 2101.03961), eq. 4, with f over the N * K
        assignments, so that the balanced value is 1 for each K; P is the mean probability.
        Padding counts in neither.

        Args:
            token_mask: bool (B, T), True for real tokens; None if all are.
            load: f, (E,), if it was counted over more tokens than these; None: over these.
        """
        f = self.load(token_mask) if load is None else load
        P = self._real(token_mask).mean(0)
        return P.numel() * (f * P).sum()

    def _real(self, token_mask: Tensor | None) -> Tensor:
        p = self.probabilities
        return p.flatten(0, 1) if token_mask is None else p[token_mask]


class MoELayer(nn.Module):
    """Each token is served by its top-k of E SwiGLU experts (Jiang et al. 2024, arXiv 2401.04088).

    Softmax over all experts, the k largest, renormalised to sum 1: ``sum_k weight_k expert_k(x)``.

    With a bias_rate, the k are chosen by the softmax plus a bias of each expert, which `balance`
    moves after each step, and weighted by the softmax alone: Wang et al. 2024 (arXiv 2408.15664),
    who add it to sigmoids and do not renormalise.

    Args:
        d_model: C.
        d_ff: F of each expert.
        n_experts: E.
        top_k: K, from 1 to E.
        bias_rate: by how much a bias moves in a step; 0: no expert has one.

    Attributes:
        routing: how the last batch was routed, for the auxiliary loss and the metrics.
        bias: (E,), saved with the weights but not learned by gradients; None without bias_rate.

    Raises:
        ValueError: if top_k is not in 1 .. n_experts.
    """

    bias: Tensor | None

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        n_experts: int = 4,
        top_k: int = 2,
        bias_rate: float = 0.0,
    ) -> None:
        super().__init__()
        if not 1 <= top_k <= n_experts:
            raise ValueError(f"top_k ({top_k}) must be from 1 to n_experts ({n_experts})")
        self.top_k = top_k
        self.router = nn.Linear(d_model, n_experts, bias=False)
        self.experts = nn.ModuleList(SwiGLUMLP(d_model, d_ff) for _ in range(n_experts))
        self.bias_rate = bias_rate
        self.register_buffer("bias", torch.zeros(n_experts) if bias_rate else None)
        self.routing: Routing | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        # The softmax stays in float32 under mixed precision, as published.
        probabilities = self.router(x).float().softmax(-1)  # (B, T, E)
        weights, chosen = probabilities.topk(self.top_k, dim=-1)  # (B, T, K)
        if self.bias is not None:
            chosen = (probabilities + self.bias).topk(self.top_k, dim=-1).indices
            weights = probabilities.gather(-1, chosen)
        weights = (weights / weights.sum(-1, keepdim=True)).to(x.dtype)
        if not torch.compiler.is_exporting():
            self.routing = Routing(probabilities, chosen)
        return mix(x, self.experts, weights, chosen)

    @torch.no_grad()
    def balance(self, assignments: Tensor) -> None:
        """Move the bias of each expert: up if it served fewer tokens than the mean, else down.

        Args:
            assignments: (E,), number of tokens of an optimizer step that each expert served.
        """
        if self.bias is not None:
            served = assignments.float()
            self.bias += self.bias_rate * torch.sign(served.mean() - served)

    def inactive_parameters(self) -> int:
        """Number of weights that one token does not use."""
        per_expert = sum(p.numel() for p in self.experts[0].parameters())
        return per_expert * (len(self.experts) - self.top_k)


class TransformerBlock(nn.Module):
    """Pre-norm residual block: ``x + attention(norm(x))``, then ``x + mlp(norm(x))``.

    Takes its parts finished, so that any norm, MLP and positional scheme combine.

    Args:
        attention_norm, mlp_norm: (..., C) -> (..., C).
        attention: with or without RoPE.
        mlp: `GELUMLP`, `SwiGLUMLP` or `MoELayer`.
        dropout: on what each branch adds to the residual stream, in training.
    """

    def __init__(
        self,
        attention_norm: nn.Module,
        attention: CausalSelfAttention,
        mlp_norm: nn.Module,
        mlp: nn.Module,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention_norm = attention_norm
        self.attention = attention
        self.mlp_norm = mlp_norm
        self.mlp = mlp
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        positions: Tensor,
        mask: Tensor | None = None,
        cache: KVCache | None = None,
        at: Tensor | None = None,
    ) -> Tensor:
        """(B, T, C) -> (B, Q, C); the other arguments are the attention's."""
        attended = self.attention(self.attention_norm(x), positions, mask, cache, at)
        x = (x if at is None else pick(x, at)) + self.dropout(attended)
        return x + self.dropout(self.mlp(self.mlp_norm(x)))
