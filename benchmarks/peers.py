"""Plain training loops over our model, Hugging Face's and one of x-transformers.

Each is a bare loop of forward pass, backward pass, clipping and PyTorch's fused AdamW, with the
default settings of PyTorch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional as F

from src.config import ModelConfig, Params
from src.models import build_model
from src.ops import cpu
from src.ops.hardware import device_for
from src.tokenizer import CharTokenizer
from tests.huggingface.peers import peer

from .products import Job

Batch = dict[str, Tensor]

_IGNORED = -100


def plain_job(params: Params, batches: Iterator[Batch]) -> Job:
    """A step of our model, which computes logits at every position."""
    config = params.model_config_in_use
    model = build_model(config)

    def loss(batch: Batch) -> Tensor:
        tokens = batch["attention_mask"][:, 1:].bool()
        value = _loss(model(batch["input_ids"][:, :-1]), batch)
        aux = [routing.load_balancing_loss(tokens) for routing in model.routings()]
        return value + config.aux_loss_coef * torch.stack(aux).mean() if aux else value

    return _step_of(model, loss, batches, params)


def huggingface_job(params: Params, batches: Iterator[Batch]) -> Job:
    """A step of Hugging Face's model."""
    transformers.logging.set_verbosity_error()
    config = params.model_config_in_use
    model = peer(build_model(config), config).train()

    def loss(batch: Batch) -> Tensor:
        # Needs no attention mask: the causal mask hides padding on the right.
        labels = batch["input_ids"].masked_fill(batch["loss_mask"] == 0, _IGNORED)
        return model(input_ids=batch["input_ids"], labels=labels, use_cache=False).loss

    return _step_of(model, loss, batches, params)


def x_transformers_job(params: Params, batches: Iterator[Batch]) -> Job | None:
    """A step of a model of x-transformers; None for a mixture of experts, which it lacks."""
    config = params.model_config_in_use
    if config.mlp == "moe":
        return None
    model = x_transformer(config)

    def loss(batch: Batch) -> Tensor:
        return _loss(model(batch["input_ids"][:, :-1]), batch)

    return _step_of(model, loss, batches, params)


def x_transformer(config: ModelConfig) -> nn.Module:
    """A model of x-transformers of a configuration's shape, as large but for some biases."""
    with warnings.catch_warnings():
        # It uses torch.jit.script, which PyTorch has deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        from x_transformers import Decoder, TransformerWrapper
    swiglu, rope = config.mlp == "swiglu", config.pos_encoding == "rope"
    blocks = Decoder(
        dim=config.d_model,
        depth=config.n_layers,
        heads=config.n_heads,
        attn_dim_head=config.d_model // config.n_heads,
        attn_flash=True,
        use_rmsnorm=config.norm == "rmsnorm",
        rotary_pos_emb=rope,
        # All dimensions of a head; the default is at least 32, and a head may have fewer.
        rotary_emb_dim=config.d_model // config.n_heads,
        ff_mult=config.d_ff / config.d_model,
        ff_glu=swiglu,
        ff_swish=swiglu,
        ff_no_bias=swiglu,
    )
    return TransformerWrapper(
        num_tokens=CharTokenizer.vocab_size,
        max_seq_len=config.max_seq_len,
        use_abs_pos_emb=not rope,
        tie_embedding=config.tie_weights,
        attn_layers=blocks,
    )


def _loss(logits: Tensor, batch: Batch) -> Tensor:
    targets = batch["input_ids"].masked_fill(batch["loss_mask"] == 0, _IGNORED)[:, 1:]
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def _step_of(
    model: Any, loss: Callable[[Batch], Tensor], batches: Iterator[Batch], params: Params
) -> Job:
    """A job that takes one optimizer step."""
    config = params.training
    model.to(device_for(params.runtime.accelerator))
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, fused=True)

    @cpu.as_by_default()
    def step() -> None:
        value = loss(next(batches))
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
        optimizer.step()

    return step
