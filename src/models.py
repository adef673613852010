"""GPT-2, Llama-2 and Mixtral from the shared parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor, nn

from .attention import CausalSelfAttention, causal_mask
from .config import ModelConfig
from .layers import GELUMLP, MoELayer, RMSNorm, Routing, SwiGLUMLP, TransformerBlock
from .ops.decode import generate
from .ops.kv_cache import KVCache
from .ops.sampling import Pick, greedy
from .positional import NUMBERINGS, scheme_of
from .tokenizer import CharTokenizer

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "layernorm": nn.LayerNorm,
    "rmsnorm": RMSNorm,
}

MLPS: dict[str, Callable[[ModelConfig], nn.Module]] = {
    "gelu": lambda c: GELUMLP(c.d_model, c.d_ff),
    "swiglu": lambda c: SwiGLUMLP(c.d_model, c.d_ff),
    "moe": lambda c: MoELayer(c.d_model, c.d_ff, c.n_experts, c.top_k, c.router_bias_rate),
}


class TransformerLM(nn.Module):
    """Decoder-only language model: embeddings, blocks, a norm, a linear head.

    The configuration chooses norm, MLP and positional encoding; a subclass adds only what its
    architecture fixes beyond them.

    Args:
        config: sizes and choices.
        vocab_size: V.
    """

    attention_bias: ClassVar[bool] = False

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.max_seq_len = config.max_seq_len
        norm, C = NORMS[config.norm], config.d_model
        self.token_embedding = nn.Embedding(vocab_size, C)
        self.numbering = NUMBERINGS[config.positions]
        scheme = scheme_of(config)
        self.position_embedding = scheme.embedding(config)
        rope = scheme.rope(config)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            TransformerBlock(
                norm(C),
                CausalSelfAttention(C, config.n_heads, config.dropout, self.attention_bias, rope),
                norm(C),
                MLPS[config.mlp](config),
                config.dropout,
            )
            for _ in range(config.n_layers)
        )
        self.norm = norm(C)
        self.lm_head = nn.Linear(C, vocab_size, bias=False)
        self.apply(lambda module: _initialise(module, config.init_std))
        if config.zero_init_residual:
            for weight in self.residual_ends():
                nn.init.zeros_(weight)
        if config.tie_weights:
            self.lm_head.weight = self.token_embedding.weight

    def residual_ends(self) -> list[Tensor]:
        """The weights of the projections that end a residual branch, whose output is added."""
        ends = ("attention.out.weight", "down.weight")
        return [weight for name, weight in self.named_parameters() if name.endswith(ends)]

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, at: Tensor | None = None
    ) -> Tensor:
        """Logits of the next token at each position, or at chosen positions of each row.

        Args:
            input_ids: (B, T).
            attention_mask: (B, T), 1 for real tokens, 0 for padding on either side; None if all
                are real. Padding changes no real token's logits.
            at: (B, Q), the chosen positions; None: all, Q = T.

        Returns:
            (B, Q, V).

        Raises:
            ValueError: if T exceeds max_seq_len.
        """
        return self.lm_head(self.hidden(input_ids, attention_mask, at=at))

    def hidden(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        caches: list[KVCache] | None = None,
        at: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        """The normed residual stream that the head reads, (B, Q, C).

        Args:
            input_ids: (B, T), the tokens after those that the caches hold.
            attention_mask: (B, T), as for `forward`; without caches.
            caches: one for each block, of sequences without padding; extended by input_ids.
            at: (B, Q), the positions in input_ids to return; None: all, Q = T. Elsewhere the last
                block computes keys and values only.
            positions: of input_ids, (T,) or (B, T), as `position_ids` knows them from whole rows;
                None: input_ids are whole rows.

        Raises:
            ValueError: if the caches' tokens and T exceed max_seq_len, and for tokens after those
                of caches without their positions.
        """
        past = len(caches[0]) if caches else 0
        S = past + input_ids.size(1)
        if S > self.max_seq_len:
            raise ValueError(f"{S} tokens do not fit in max_seq_len ({self.max_seq_len})")
        if positions is None:
            if past:
                raise ValueError("positions: tokens after those of caches need them")
            positions = self.position_ids(input_ids, attention_mask)
        mask = None if attention_mask is None else causal_mask(attention_mask)
        x = self.token_embedding(input_ids)
        if self.position_embedding is not None:
            x = x + self.position_embedding(positions)
        x = self.dropout(x)
        for i, block in enumerate(self.blocks):
            is_last = i == len(self.blocks) - 1
            cache = caches[i] if caches else None
            x = block(x, positions, mask, cache, at if is_last else None)
        return self.norm(x)

    def position_ids(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """The position of each token: (T,) where it is the same in all rows, or (B, T).

        In training with the random numbers that `ModelConfig.positions` asks for.

        Args:
            input_ids: (B, T), whole rows from their first token on; they may end early.
            attention_mask: (B, T), as for `forward`.
        """
        ids = self.numbering.ids(input_ids, attention_mask)
        if not self.training:
            return ids
        return self.numbering.in_training(ids, len(input_ids), self.max_seq_len)

    def generate(
        self,
        input_ids: Tensor,
        max_new_tokens: int,
        eos_id: int,
        attention_mask: Tensor | None = None,
        pad_id: int = CharTokenizer.pad_id,
        pick: Pick = greedy,
    ) -> Tensor:
        """Continuation of each prompt, see `ops.decode.generate`."""
        return generate(self, input_ids, max_new_tokens, eos_id, attention_mask, pad_id, pick)

    def sharpen_attention(self, scale: float) -> None:
        """Multiply the logits of all attention by a constant: above 1, it is sharper."""
        for module in self.modules():
            if isinstance(module, CausalSelfAttention):
                module.sharpen(scale)

    def num_parameters(self, active: bool = False) -> int:
        """All weights, shared ones once; `active`: those that one token uses."""
        total = sum(p.numel() for p in self.parameters())
        if active:
            total -= sum(layer.inactive_parameters() for layer in self._moe_layers())
        return total

    def routings(self) -> list[Routing]:
        """How each MoE layer routed the last batch; empty for a dense model."""
        return [layer.routing for layer in self._moe_layers() if layer.routing is not None]

    def balance_experts(self, assignments: Tensor) -> None:
        """Move the biases of the routers, see `MoELayer.balance`.

        Args:
            assignments: (MoE layers, E).
        """
        for layer, served in zip(self._moe_layers(), assignments, strict=True):
            layer.balance(served)

    def _moe_layers(self) -> list[MoELayer]:
        return [module for module in self.modules() if isinstance(module, MoELayer)]


def _initialise(module: nn.Module, std: float) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=std)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


class GPT2Model(TransformerLM):
    """GPT-2 (Radford et al. 2019): learned positions, LayerNorm, GELU, biases, tied head.

    The projections that end a residual branch start smaller by ``1 / sqrt(2 * n_layers)``, so
    that the residual stream does not grow with depth.
    """

    attention_bias = True

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__(config, vocab_size)
        if not config.zero_init_residual:
            for weight in self.residual_ends():
                nn.init.normal_(weight, std=config.init_std / math.sqrt(2 * config.n_layers))


class Llama2Model(TransformerLM):
    """Llama-2 (Touvron et al. 2023, arXiv 2307.09288): RoPE, RMSNorm, SwiGLU, no biases."""


class MixtralModel(TransformerLM):
    """Mixtral (Jiang et al. 2024, arXiv 2401.04088): Llama-2 with a mixture of experts as MLP."""


MODELS: dict[str, type[TransformerLM]] = {
    "gpt2": GPT2Model,
    "llama2": Llama2Model,
    "mixtral": MixtralModel,
}


def build_model(config: ModelConfig, vocab_size: int = CharTokenizer.vocab_size) -> TransformerLM:
    """The model that a configuration describes, freshly initialised from torch's global seed."""
    return MODELS[config.name](config, vocab_size)
