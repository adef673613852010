"""Tables of Hugging Face's classes of our three models: their configuration keys and tensors.

`config` and `weights` read them; the tests compare them with transformers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Layout:
    """A class of transformers, and what corresponds to it here.

    Attributes:
        model_type, architecture: its names in config.json.
        name: name of our model in `MODELS`.
        parts: its norm, mlp and pos_encoding, in our words.
        keys: its name of each of our keys.
        dropouts: its keys that all hold our dropout.
        fixed: its keys for which our models have a single value, with all spellings of that; the
            first is written.
        defaults: its values of keys that config.json leaves out.
        modules: its name of each of our modules, ``{}`` for a number. A module that it splits has
            several names, in the order of the parts along our rows.
        transposed: whether its matrices in blocks are (in, out), the transposes of ours.
    """

    model_type: str
    architecture: str
    name: str
    parts: dict[str, str]
    keys: dict[str, str]
    dropouts: tuple[str, ...]
    fixed: dict[str, tuple[Any, ...]]
    defaults: dict[str, Any]
    modules: dict[str, tuple[str, ...]]
    transposed: bool = False


_SHARED_KEYS = {"tie_weights": "tie_word_embeddings", "init_std": "initializer_range"}

_GPT2 = Layout(
    "gpt2",
    "GPT2LMHeadModel",
    "gpt2",
    {"norm": "layernorm", "mlp": "gelu", "pos_encoding": "learned"},
    {
        "d_model": "n_embd",
        "n_heads": "n_head",
        "n_layers": "n_layer",
        "d_ff": "n_inner",
        "max_seq_len": "n_positions",
        **_SHARED_KEYS,
    },
    ("resid_pdrop", "embd_pdrop", "attn_pdrop"),
    {
        # Two names of one function.
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "layer_norm_epsilon": (1e-5,),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "reorder_and_upcast_attn": (False,),
        "add_cross_attention": (False,),
    },
    {
        "n_inner": None,
        "resid_pdrop": 0.1,
        "embd_pdrop": 0.1,
        "attn_pdrop": 0.1,
        "initializer_range": 0.02,
        "tie_word_embeddings": True,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "reorder_and_upcast_attn": False,
        "add_cross_attention": False,
    },
    {
        "token_embedding": ("transformer.wte",),
        "position_embedding": ("transformer.wpe",),
        "blocks.{}.attention_norm": ("transformer.h.{}.ln_1",),
        "blocks.{}.attention.qkv": ("transformer.h.{}.attn.c_attn",),
        "blocks.{}.attention.out": ("transformer.h.{}.attn.c_proj",),
        "blocks.{}.mlp_norm": ("transformer.h.{}.ln_2",),
        "blocks.{}.mlp.up": ("transformer.h.{}.mlp.c_fc",),
        "blocks.{}.mlp.down": ("transformer.h.{}.mlp.c_proj",),
        "norm": ("transformer.ln_f",),
        "lm_head": ("lm_head",),
    },
    transposed=True,
)

_LLAMA_MODULES = {
    "token_embedding": ("model.embed_tokens",),
    "blocks.{}.attention_norm": ("model.layers.{}.input_layernorm",),
    "blocks.{}.attention.qkv": tuple(f"model.layers.{{}}.self_attn.{x}_proj" for x in "qkv"),
    "blocks.{}.attention.out": ("model.layers.{}.self_attn.o_proj",),
    "blocks.{}.mlp_norm": ("model.layers.{}.post_attention_layernorm",),
    "norm": ("model.norm",),
    "lm_head": ("lm_head",),
}

_LLAMA = Layout(
    "llama",
    "LlamaForCausalLM",
    "llama2",
    {"norm": "rmsnorm", "mlp": "swiglu", "pos_encoding": "rope"},
    {
        "d_model": "hidden_size",
        "n_heads": "num_attention_heads",
        "n_layers": "num_hidden_layers",
        "d_ff": "intermediate_size",
        "max_seq_len": "max_position_embeddings",
        **_SHARED_KEYS,
    },
    ("attention_dropout",),
    {
        "hidden_act": ("silu", "swish"),
        "rms_norm_eps": (1e-5,),
        "attention_bias": (False,),
        "mlp_bias": (False,),
    },
    {
        "num_key_value_heads": None,
        "head_dim": None,
        "rope_theta": 10_000.0,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "tie_word_embeddings": False,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "attention_bias": False,
        "mlp_bias": False,
    },
    {
        **_LLAMA_MODULES,
        "blocks.{}.mlp.gate": ("model.layers.{}.mlp.gate_proj",),
        "blocks.{}.mlp.up": ("model.layers.{}.mlp.up_proj",),
        "blocks.{}.mlp.down": ("model.layers.{}.mlp.down_proj",),
    },
)

# Names in published files, which have a tensor for each expert. transformers 4 has such modules;
# transformers 5 stacks the tensors when it reads a file, and splits them when it writes one.
_EXPERT = "model.layers.{}.block_sparse_moe.experts.{}"

_MIXTRAL = Layout(
    "mixtral",
    "MixtralForCausalLM",
    "mixtral",
    {"norm": "rmsnorm", "mlp": "moe", "pos_encoding": "rope"},
    {**_LLAMA.keys, "n_experts": "num_local_experts", "top_k": "num_experts_per_tok"},
    _LLAMA.dropouts,
    {
        "hidden_act": ("silu", "swish"),
        "rms_norm_eps": (1e-5,),
        "sliding_window": (None,),
        "router_jitter_noise": (0.0,),
    },
    {
        "num_key_value_heads": 8,
        "head_dim": None,
        "rope_theta": 1_000_000.0,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "tie_word_embeddings": False,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "sliding_window": None,
        "router_jitter_noise": 0.0,
        "router_aux_loss_coef": 0.001,
    },
    {
        **_LLAMA_MODULES,
        "blocks.{}.mlp.router": ("model.layers.{}.block_sparse_moe.gate",),
        "blocks.{}.mlp.experts.{}.gate": (f"{_EXPERT}.w1",),
        "blocks.{}.mlp.experts.{}.up": (f"{_EXPERT}.w3",),
        "blocks.{}.mlp.experts.{}.down": (f"{_EXPERT}.w2",),
    },
)

LAYOUTS = {layout.model_type: layout for layout in (_GPT2, _LLAMA, _MIXTRAL)}
