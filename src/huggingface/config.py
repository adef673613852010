"""Model configurations to Hugging Face's config.json and back, without transformers itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..common.errors import UserError
from ..config import ModelConfig
from ..models import MODELS
from ..params import describe
from ..tokenizer import CharTokenizer
from .layouts import LAYOUTS, Layout


def layout_of(config: ModelConfig) -> Layout:
    """The class of transformers that has a configuration's parts.

    Raises:
        UserError: if no class combines these parts.
    """
    differences = {}
    for layout in LAYOUTS.values():
        if MODELS[layout.name].attention_bias == MODELS[config.name].attention_bias:
            parts = layout.parts.items()
            differences[layout.architecture] = [(k, v) for k, v in parts if getattr(config, k) != v]
            if not differences[layout.architecture]:
                return layout
    nearest = min(differences, key=lambda architecture: len(differences[architecture]))
    given = ", ".join(f"{key} = {getattr(config, key)}" for key in ("norm", "mlp", "pos_encoding"))
    needed = ", ".join(f"{key} = {value}" for key, value in differences[nearest])
    raise UserError(
        f"a {config.name} with {given} cannot be exported; {nearest} would need {needed}"
    )


def to_config(config: ModelConfig) -> dict[str, Any]:
    """The content of config.json.

    Raises:
        UserError: see `layout_of`.
    """
    layout = layout_of(config)
    content: dict[str, Any] = {
        "model_type": layout.model_type,
        "architectures": [layout.architecture],
        "dtype": "float32",
        "vocab_size": CharTokenizer.vocab_size,
        "bos_token_id": CharTokenizer.bos_id,
        "eos_token_id": CharTokenizer.eos_id,
        "pad_token_id": CharTokenizer.pad_id,
        **{theirs: getattr(config, ours) for ours, theirs in layout.keys.items()},
        **dict.fromkeys(layout.dropouts, config.dropout),
        **{key: values[0] for key, values in layout.fixed.items()},
    }
    if config.pos_encoding == "rope":
        content |= {
            "num_key_value_heads": config.n_heads,
            "head_dim": config.d_model // config.n_heads,
            # transformers 4 reads the first, 5 the second.
            "rope_theta": config.rope_theta,
            "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        }
    if config.mlp == "moe":
        # With a balanced load their loss is top_k, ours 1.
        content["router_aux_loss_coef"] = config.aux_loss_coef / config.top_k
    return content


def from_config(content: Mapping[str, Any], entries: Mapping[str, ModelConfig]) -> ModelConfig:
    """Our configuration of the model that a config.json describes.

    Args:
        content: the content of config.json.
        entries: `models:` of params.yaml. What the class has no key for, such as rope_theta of a
            GPT-2 or the experts of a dense model, is taken from the entry of the same name.

    Raises:
        UserError: naming the key whose value our models cannot have.
    """
    layout = LAYOUTS.get(str(content.get("model_type")))
    if layout is None:
        choices = ", ".join(LAYOUTS)
        raise UserError(f"model_type = {content.get('model_type')}: must be one of {choices}")
    entry = next((e for e in entries.values() if e.name == layout.name), None)
    if entry is None:
        raise UserError(f"params.yaml has no entry of models: with name: {layout.name}")
    complete = {**layout.defaults, **content}
    _check_fixed(complete, layout)
    values = {ours: complete.get(theirs) for ours, theirs in layout.keys.items()}
    if layout.parts["mlp"] == "gelu" and values["d_ff"] is None:
        values["d_ff"] = 4 * (values["d_model"] or 0)
    for ours, theirs in layout.keys.items():
        if values[ours] is None:
            raise UserError(f"{theirs}: missing")
    values |= {**layout.parts, "dropout": complete[layout.dropouts[0]]}
    if layout.parts["pos_encoding"] == "rope":
        values["rope_theta"] = _rope_theta(content, layout)
    if layout.parts["mlp"] == "moe":
        values["aux_loss_coef"] = complete["router_aux_loss_coef"]
    try:
        config = ModelConfig.model_validate(entry.model_dump() | values)
    except ValidationError as error:
        raise UserError(describe(error.errors())) from None
    if "head_dim" in complete:
        _check_heads(complete, config)
    if config.mlp == "moe":
        # 15 digits survive the division, so that 0.01 comes back as 0.01.
        coefficient = float(f"{config.aux_loss_coef * config.top_k:.15g}")
        config = config.model_copy(update={"aux_loss_coef": coefficient})
    return config


def _check_fixed(content: Mapping[str, Any], layout: Layout) -> None:
    """Refuse values of keys for which our models have a single value."""
    required = {
        "architectures": ([layout.architecture], None),
        "vocab_size": (CharTokenizer.vocab_size,),
        "quantization_config": (None,),
    }
    for key, values in {**required, **layout.fixed}.items():
        if content.get(key) not in values:
            raise UserError(f"{key} = {content.get(key)}: must be {values[0]}")
    dropouts = [(key, content[key]) for key in layout.dropouts]
    for key, value in dropouts[1:]:
        if value != dropouts[0][1]:
            first = " = ".join(map(str, dropouts[0]))
            raise UserError(f"{key} = {value}, but {first}: our models have one dropout")


def _rope_theta(content: Mapping[str, Any], layout: Layout) -> Any:
    """The base of RoPE's wavelengths, under the key of transformers 4 or 5."""
    name = "rope_parameters" if content.get("rope_parameters") else "rope_scaling"
    parameters = content.get(name) or {}
    if not isinstance(parameters, dict):
        raise UserError(f"{name} = {parameters}: must be an object")
    for key, value in parameters.items():
        if key != "rope_theta" and (key not in ("rope_type", "type") or value != "default"):
            raise UserError(f"{name}.{key} = {value}: our models scale no wavelengths")
    stated = [c["rope_theta"] for c in (parameters, content) if c.get("rope_theta") is not None]
    if any(value != stated[0] for value in stated):
        raise UserError(f"rope_theta = {stated[1]}, but {name}.rope_theta = {stated[0]}")
    return stated[0] if stated else layout.defaults["rope_theta"]


def _check_heads(content: Mapping[str, Any], config: ModelConfig) -> None:
    required = {"num_key_value_heads": config.n_heads, "head_dim": config.d_model // config.n_heads}
    for key, value in required.items():
        if content[key] not in (None, value):
            raise UserError(
                f"{key} = {content[key]}: must be {value}, as our heads share no keys and values "
                "and divide hidden_size"
            )
