"""Our models as Hugging Face's, with the same weights: the peers that ours must equal."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedModel,
)

from src.config import ModelConfig
from src.models import TransformerLM

Weights = dict[str, Tensor]


def peer(model: TransformerLM, config: ModelConfig) -> PreTrainedModel:
    """Hugging Face's model of the same architecture, with the weights of ours."""
    build, translate = PEERS[config.name]
    theirs = build(config, model.lm_head.out_features)
    theirs.load_state_dict(translate(model.state_dict(), config.n_layers))
    return theirs.eval()


def _gpt2(config: ModelConfig, vocab_size: int) -> PreTrainedModel:
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocab_size,
            n_positions=config.max_seq_len,
            n_embd=config.d_model,
            n_layer=config.n_layers,
            n_head=config.n_heads,
            n_inner=config.d_ff,
            tie_word_embeddings=config.tie_weights,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def _llama_arguments(config: ModelConfig, vocab_size: int) -> dict[str, Any]:
    return {
        "vocab_size": vocab_size,
        "hidden_size": config.d_model,
        "intermediate_size": config.d_ff,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_heads,
        "max_position_embeddings": config.max_seq_len,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "tie_word_embeddings": config.tie_weights,
    }


def _llama2(config: ModelConfig, vocab_size: int) -> PreTrainedModel:
    return LlamaForCausalLM(LlamaConfig(**_llama_arguments(config, vocab_size)))


def _mixtral(config: ModelConfig, vocab_size: int) -> PreTrainedModel:
    return MixtralForCausalLM(
        MixtralConfig(
            num_local_experts=config.n_experts,
            num_experts_per_tok=config.top_k,
            **_llama_arguments(config, vocab_size),
        )
    )


def _gpt2_weights(ours: Weights, n_layers: int) -> Weights:
    theirs = {
        "transformer.wte.weight": ours["token_embedding.weight"],
        "transformer.wpe.weight": ours["position_embedding.weight"],
        "transformer.ln_f.weight": ours["norm.weight"],
        "transformer.ln_f.bias": ours["norm.bias"],
        "lm_head.weight": ours["lm_head.weight"],
    }
    names = {
        "ln_1": "attention_norm",
        "attn.c_attn": "attention.qkv",
        "attn.c_proj": "attention.out",
        "ln_2": "mlp_norm",
        "mlp.c_fc": "mlp.up",
        "mlp.c_proj": "mlp.down",
    }
    for i in range(n_layers):
        for their_name, our_name in names.items():
            weight = ours[f"blocks.{i}.{our_name}.weight"]
            # GPT-2 was published with weights that multiply from the right.
            theirs[f"transformer.h.{i}.{their_name}.weight"] = weight.t()
            theirs[f"transformer.h.{i}.{their_name}.bias"] = ours[f"blocks.{i}.{our_name}.bias"]
    return theirs


def _llama_backbone(ours: Weights, n_layers: int) -> Weights:
    theirs = {
        "model.embed_tokens.weight": ours["token_embedding.weight"],
        "model.norm.weight": ours["norm.weight"],
        "lm_head.weight": ours["lm_head.weight"],
    }
    for i in range(n_layers):
        layer, block = f"model.layers.{i}", f"blocks.{i}"
        q, k, v = ours[f"{block}.attention.qkv.weight"].chunk(3)
        theirs[f"{layer}.self_attn.q_proj.weight"] = q
        theirs[f"{layer}.self_attn.k_proj.weight"] = k
        theirs[f"{layer}.self_attn.v_proj.weight"] = v
        theirs[f"{layer}.self_attn.o_proj.weight"] = ours[f"{block}.attention.out.weight"]
        theirs[f"{layer}.input_layernorm.weight"] = ours[f"{block}.attention_norm.weight"]
        theirs[f"{layer}.post_attention_layernorm.weight"] = ours[f"{block}.mlp_norm.weight"]
    return theirs


def _llama2_weights(ours: Weights, n_layers: int) -> Weights:
    theirs = _llama_backbone(ours, n_layers)
    for i in range(n_layers):
        for name in ("gate", "up", "down"):
            weight = ours[f"blocks.{i}.mlp.{name}.weight"]
            theirs[f"model.layers.{i}.mlp.{name}_proj.weight"] = weight
    return theirs


def _mixtral_weights(ours: Weights, n_layers: int) -> Weights:
    theirs = _llama_backbone(ours, n_layers)
    for i in range(n_layers):
        mlp = f"model.layers.{i}.mlp"
        theirs[f"{mlp}.gate.weight"] = ours[f"blocks.{i}.mlp.router.weight"]
        n_experts = len(theirs[f"{mlp}.gate.weight"])

        def stacked(name: str, i: int = i, n_experts: int = n_experts) -> Tensor:
            key = f"blocks.{i}.mlp.experts.{{}}.{name}.weight"
            return torch.stack([ours[key.format(e)] for e in range(n_experts)])

        theirs[f"{mlp}.experts.gate_up_proj"] = torch.cat((stacked("gate"), stacked("up")), dim=1)
        theirs[f"{mlp}.experts.down_proj"] = stacked("down")
    return theirs


PEERS: dict[
    str,
    tuple[Callable[[ModelConfig, int], PreTrainedModel], Callable[[Weights, int], Weights]],
] = {
    "gpt2": (_gpt2, _gpt2_weights),
    "llama2": (_llama2, _llama2_weights),
    "mixtral": (_mixtral, _mixtral_weights),
}
